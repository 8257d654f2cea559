"""The ASGI app: takes a request through the intake, token, throttle and endpoint, in this order."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Literal

import attrs
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from exist_async.sandbox.authorization import AUTHORIZE, ask_user, take_answer
from exist_async.sandbox.averages import list_averages
from exist_async.sandbox.calls import Call, Visit, form_of
from exist_async.sandbox.correlations import list_correlations, show_correlation
from exist_async.sandbox.creation import create_attributes
from exist_async.sandbox.faults import Handle
from exist_async.sandbox.front_page import FRONT, show_front_page
from exist_async.sandbox.insights import list_insights
from exist_async.sandbox.intake import Intake
from exist_async.sandbox.listing import list_attributes, list_owned
from exist_async.sandbox.ownership import acquire_attributes, release_attributes
from exist_async.sandbox.profile import show_profile
from exist_async.sandbox.reading import list_values, list_with_values
from exist_async.sandbox.replies import ApiError, Reply, refuse
from exist_async.sandbox.settings import Settings
from exist_async.sandbox.signing_in import give_simple_token, give_tokens
from exist_async.sandbox.templates import list_templates
from exist_async.sandbox.throttle import Throttle
from exist_async.sandbox.tokens import AccessToken
from exist_async.sandbox.world import World
from exist_async.sandbox.writing import increment_values, update_values

__all__ = ["App"]


@attrs.frozen
class Endpoint:
    """What answers at a path to those who have a token, and to which method."""

    method: Literal["GET", "POST"]
    answer: Callable[[Call], Reply]


@attrs.frozen
class OpenEndpoint:
    """What answers at a path to everybody and without a limit, by method."""

    answers: Mapping[str, Callable[[Visit], Reply]]


_API: Final = "/api/2/"

ENDPOINTS: Final[dict[str, Endpoint | OpenEndpoint]] = {
    FRONT: OpenEndpoint({"GET": show_front_page}),
    AUTHORIZE: OpenEndpoint({"GET": ask_user, "POST": take_answer}),
    "/oauth2/access_token": OpenEndpoint({"POST": give_tokens}),
    f"{_API}auth/simple-token/": OpenEndpoint({"POST": give_simple_token}),
    f"{_API}accounts/profile/": Endpoint("GET", show_profile),
    f"{_API}attributes/": Endpoint("GET", list_attributes),
    f"{_API}attributes/owned/": Endpoint("GET", list_owned),
    f"{_API}attributes/templates/": Endpoint("GET", list_templates),
    f"{_API}attributes/create/": Endpoint("POST", create_attributes),
    f"{_API}attributes/acquire/": Endpoint("POST", acquire_attributes),
    f"{_API}attributes/release/": Endpoint("POST", release_attributes),
    f"{_API}attributes/update/": Endpoint("POST", update_values),
    f"{_API}attributes/increment/": Endpoint("POST", increment_values),
    f"{_API}attributes/with-values/": Endpoint("GET", list_with_values),
    f"{_API}attributes/values/": Endpoint("GET", list_values),
    f"{_API}averages/": Endpoint("GET", list_averages),
    f"{_API}correlations/": Endpoint("GET", list_correlations),
    f"{_API}correlations/combo/": Endpoint("GET", show_correlation),
    f"{_API}insights/": Endpoint("GET", list_insights),
}


class App:
    """The ASGI app of a sandbox."""

    def __init__(self, world: World, throttle: Throttle, intake: Intake, settings: Settings) -> None:
        self._world = world
        self._throttle = throttle
        self._intake = intake
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request.

        Raises:
            ConnectionDropped: A fault wants the connection cut; the server or transport around the app does it.
        """
        request = self._intake.open(scope, receive)
        token = self._world.grants.token_of(request.headers.get("authorization"))
        endpoint = ENDPOINTS.get(scope["path"])

        async def prepare(body: bytes) -> Handle:
            form = await form_of(request)
            if isinstance(endpoint, OpenEndpoint):
                visit = Visit(request, form, self._world, self._intake.recorder, self._settings)
                return partial(self._welcome, endpoint, visit)
            return partial(self._answer, endpoint, request, body, token)

        await self._intake.take(
            request,
            send,
            prepare,
            user=None if token is None else token.user.username,
            # What is sent elsewhere holds secrets, at a path with a wrong slash too: passwords, codes, refresh tokens.
            keep_body=isinstance(endpoint, Endpoint),
        )

    def _welcome(self, endpoint: OpenEndpoint, visit: Visit) -> Reply:
        answer = endpoint.answers.get(visit.request.method)
        if answer is None:
            raise _wrong_method(visit.request, *endpoint.answers)
        return answer(visit)

    def _answer(self, endpoint: Endpoint | None, request: Request, body: bytes, token: AccessToken | None) -> Reply:
        if endpoint is None:
            return _elsewhere(request)
        if token is None:
            raise _no_token(request)
        if token.service is None and request.method != "GET":
            raise refuse(403, "You do not have permission to perform this action.")
        wait = self._throttle.admit(token.value)
        if wait is not None:
            whole = math.ceil(wait)
            seconds = f"{whole} second" if whole == 1 else f"{whole} seconds"
            headers = {"retry-after": str(whole)}
            raise refuse(429, f"Request was throttled. Expected available in {seconds}.", headers)
        # Last, as in Django REST framework: a wrong method needs a token, and is counted.
        if request.method != endpoint.method:
            raise _wrong_method(request, endpoint.method)
        return endpoint.answer(Call(request, body, token, self._settings))


def _no_token(request: Request) -> ApiError:
    scheme = request.headers.get("authorization", "").partition(" ")[0].lower()
    detail = "Invalid token." if scheme in {"bearer", "token"} else "Authentication credentials were not provided."
    return refuse(401, detail, {"www-authenticate": 'Bearer realm="api"'})


def _wrong_method(request: Request, *allowed: str) -> ApiError:
    return refuse(405, f'Method "{request.method}" not allowed.', {"allow": ", ".join(allowed)})


def _elsewhere(request: Request) -> Reply:
    path = request.scope["path"]
    if f"{path}/" not in ENDPOINTS:
        raise refuse(404, "Not found.")
    query = request.url.query
    return Reply(301, headers={"location": f"{path}/?{query}" if query else f"{path}/"})
