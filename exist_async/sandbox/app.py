"""The ASGI app of the Exist sandbox: authenticates, throttles and routes each request."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Literal

import attrs
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from exist_async.sandbox.authorization import AUTHORIZE_PATH, decide, show_authorization
from exist_async.sandbox.averages import list_averages
from exist_async.sandbox.calls import Call, PublicCall, parse_form
from exist_async.sandbox.correlations import get_correlation, list_correlations
from exist_async.sandbox.creation import create_attributes
from exist_async.sandbox.faults import Handler
from exist_async.sandbox.front_page import show_front_page
from exist_async.sandbox.html_pages import FRONT_PATH
from exist_async.sandbox.insights import list_insights
from exist_async.sandbox.listing import list_attributes, list_owned
from exist_async.sandbox.middleware import Middleware
from exist_async.sandbox.ownership import acquire_attributes, release_attributes
from exist_async.sandbox.profile import get_profile
from exist_async.sandbox.reading import list_values, list_with_values
from exist_async.sandbox.replies import ApiError, Reply, detail_error
from exist_async.sandbox.settings import Settings
from exist_async.sandbox.signing_in import create_simple_token, create_tokens
from exist_async.sandbox.state import State
from exist_async.sandbox.templates import list_templates
from exist_async.sandbox.throttle import Throttle
from exist_async.sandbox.tokens import AccessToken
from exist_async.sandbox.writing import increment_values, update_values

__all__ = ["App"]


@attrs.frozen
class Endpoint:
    """An endpoint that requires a token and has one method."""

    method: Literal["GET", "POST"]
    handler: Callable[[Call], Reply]


@attrs.frozen
class PublicEndpoint:
    """An endpoint without token and without rate limit; its handlers by method."""

    handlers: Mapping[str, Callable[[PublicCall], Reply]]


_API: Final = "/api/2/"

ENDPOINTS: Final[dict[str, Endpoint | PublicEndpoint]] = {
    FRONT_PATH: PublicEndpoint({"GET": show_front_page}),
    AUTHORIZE_PATH: PublicEndpoint({"GET": show_authorization, "POST": decide}),
    "/oauth2/access_token": PublicEndpoint({"POST": create_tokens}),
    f"{_API}auth/simple-token/": PublicEndpoint({"POST": create_simple_token}),
    f"{_API}accounts/profile/": Endpoint("GET", get_profile),
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
    f"{_API}correlations/combo/": Endpoint("GET", get_correlation),
    f"{_API}insights/": Endpoint("GET", list_insights),
}


class App:
    """The ASGI app of an Exist sandbox."""

    def __init__(self, state: State, throttle: Throttle, middleware: Middleware, settings: Settings) -> None:
        self._state = state
        self._throttle = throttle
        self._middleware = middleware
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request.

        Raises:
            ConnectionDropped: A fault drops the connection; the server or transport around the app closes it.
        """
        request = self._middleware.new_request(scope, receive)
        token = self._state.grants.authenticate(request.headers.get("authorization"))
        endpoint = ENDPOINTS.get(scope["path"])

        async def prepare(body: bytes) -> Handler:
            form = await parse_form(request)
            if isinstance(endpoint, PublicEndpoint):
                call = PublicCall(request, form, self._state, self._middleware.recorder, self._settings)
                return partial(self._handle_public, endpoint, call)
            return partial(self._handle, endpoint, request, body, token)

        await self._middleware.process(
            request,
            send,
            prepare,
            user=None if token is None else token.user.username,
            # Other bodies may hold passwords, codes and refresh tokens, even when the path has a wrong slash.
            record_body=isinstance(endpoint, Endpoint),
        )

    def _handle_public(self, endpoint: PublicEndpoint, call: PublicCall) -> Reply:
        handler = endpoint.handlers.get(call.request.method)
        if handler is None:
            raise _method_not_allowed(call.request, *endpoint.handlers)
        return handler(call)

    def _handle(self, endpoint: Endpoint | None, request: Request, body: bytes, token: AccessToken | None) -> Reply:
        if endpoint is None:
            return _redirect_to_slash(request)
        if token is None:
            raise _unauthenticated(request)
        if token.service is None and request.method != "GET":
            raise detail_error(403, "You do not have permission to perform this action.")
        wait = self._throttle.admit(token.value)
        if wait is not None:
            whole = math.ceil(wait)
            seconds = f"{whole} second" if whole == 1 else f"{whole} seconds"
            headers = {"retry-after": str(whole)}
            raise detail_error(429, f"Request was throttled. Expected available in {seconds}.", headers)
        # Last, as in Django REST framework: a wrong method requires a token and counts towards the rate limit.
        if request.method != endpoint.method:
            raise _method_not_allowed(request, endpoint.method)
        return endpoint.handler(Call(request, body, token, self._settings))


def _unauthenticated(request: Request) -> ApiError:
    scheme = request.headers.get("authorization", "").partition(" ")[0].lower()
    detail = "Invalid token." if scheme in {"bearer", "token"} else "Authentication credentials were not provided."
    return detail_error(401, detail, {"www-authenticate": 'Bearer realm="api"'})


def _method_not_allowed(request: Request, *allowed: str) -> ApiError:
    return detail_error(405, f'Method "{request.method}" not allowed.', {"allow": ", ".join(allowed)})


def _redirect_to_slash(request: Request) -> Reply:
    """Redirect to the same path with a trailing slash where that is an endpoint; otherwise raise the 404."""
    path = request.scope["path"]
    if f"{path}/" not in ENDPOINTS:
        raise detail_error(404, "Not found.")
    query = request.url.query
    return Reply(301, headers={"location": f"{path}/?{query}" if query else f"{path}/"})
