"""The ASGI app: takes a request through the intake, token, throttle, path and scope to its endpoint, in this order."""

import datetime as dt
from collections.abc import Callable, Mapping
from email.utils import format_datetime
from functools import partial
from typing import Final
from uuid import uuid4

import attrs
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from exist_async.sandbox.attio.calls import Call
from exist_async.sandbox.attio.creation import create_attribute
from exist_async.sandbox.attio.places import ALL, ONE, OPTIONS, STATUSES, Place, place_of
from exist_async.sandbox.attio.reading import get_attribute, list_attributes, list_options, list_statuses
from exist_async.sandbox.attio.refusals import not_found, refuse
from exist_async.sandbox.attio.tokens import Token, Tokens
from exist_async.sandbox.attio.updating import update_attribute
from exist_async.sandbox.attio.workspace import Workspace
from exist_async.sandbox.faults import Handle
from exist_async.sandbox.intake import Intake
from exist_async.sandbox.recorder import path_of
from exist_async.sandbox.replies import ApiError, Reply, json_reply
from exist_async.sandbox.throttle import Throttle

__all__ = ["App", "stamp"]

ENDPOINTS: Final[Mapping[tuple[str, str], Callable[[Call], object]]] = {
    ("GET", ALL): list_attributes,
    ("POST", ALL): create_attribute,
    ("GET", ONE): get_attribute,
    ("PATCH", ONE): update_attribute,
    ("GET", OPTIONS): list_options,
    ("GET", STATUSES): list_statuses,
}


@attrs.frozen(eq=False)
class App:
    """The ASGI app of an Attio."""

    workspace: Workspace
    tokens: Tokens
    reads: Throttle
    writes: Throttle
    intake: Intake
    page_size: int | None
    now: Callable[[], dt.datetime]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request.

        Raises:
            ConnectionDropped: A fault wants the connection cut; the server or transport around the app does it.
        """
        request = self.intake.open(scope, receive)
        token = self.tokens.token_of(request.headers.get("authorization"))

        async def prepare(body: bytes) -> Handle:
            return partial(self._answer, request, body, token)

        await self.intake.take(request, send, prepare, user=None if token is None else self.workspace.slug)

    def _answer(self, request: Request, body: bytes, token: Token | None) -> Reply:
        if token is None:
            raise refuse(
                401, "unauthorized", "Could not authenticate the request: its access token is missing or invalid."
            )
        reads = request.method == "GET"
        wait = (self.reads if reads else self.writes).admit(token.value)
        if wait is not None:
            raise self._too_many(wait)
        path = path_of(request.scope)
        place = place_of(path)
        endpoint = None if place is None else ENDPOINTS.get((request.method, place.route))
        if place is None or endpoint is None:
            raise not_found(f'Could not find endpoint "{request.method} {path}".')
        if token.read_only and not reads:
            raise _no_scope(place)
        call = Call(request, body, place, self.workspace, self.page_size)
        return json_reply({"data": endpoint(call)})

    def _too_many(self, wait: float) -> ApiError:
        # A date has whole seconds: the next one, or whoever comes then would come too early.
        over = (self.now() + dt.timedelta(seconds=wait + 0.999_999)).replace(microsecond=0)
        message = "Rate limit exceeded. Please try again later."
        return refuse(429, "rate_limit_exceeded", message, headers={"retry-after": _http_date(over)})


def stamp(now: Callable[[], dt.datetime]) -> Mapping[str, str]:
    """Return the headers that every answer has."""
    return {"date": _http_date(now()), "x-attio-execution-id": str(uuid4())}


def _no_scope(place: Place) -> ApiError:
    scope = "object_configuration" if place.target == "objects" else "list_configuration"
    return refuse(403, "unauthorized", f'This access token lacks the scope "{scope}:read-write".')


def _http_date(moment: dt.datetime) -> str:
    return format_datetime(moment.astimezone(dt.UTC), usegmt=True)
