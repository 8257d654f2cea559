"""The ASGI app of the Attio sandbox: authenticates, throttles and routes each request, and checks its scope."""

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
from exist_async.sandbox.attio.errors import attio_error, not_found
from exist_async.sandbox.attio.front_page import show_front_page
from exist_async.sandbox.attio.paths import ATTRIBUTE, ATTRIBUTES, OPTIONS, STATUSES, AttributePath, parse_path
from exist_async.sandbox.attio.reading import get_attribute, list_attributes, list_options, list_statuses
from exist_async.sandbox.attio.tokens import Token, TokenRegistry
from exist_async.sandbox.attio.workspace import Workspace
from exist_async.sandbox.attio.writing import create_attribute, update_attribute
from exist_async.sandbox.faults import Handler
from exist_async.sandbox.html_pages import FRONT_PATH
from exist_async.sandbox.middleware import Middleware
from exist_async.sandbox.recorder import raw_path
from exist_async.sandbox.replies import ApiError, Reply, json_reply
from exist_async.sandbox.throttle import Throttle

__all__ = ["App", "reply_headers"]

ENDPOINTS: Final[Mapping[tuple[str, str], Callable[[Call], object]]] = {
    ("GET", ATTRIBUTES): list_attributes,
    ("POST", ATTRIBUTES): create_attribute,
    ("GET", ATTRIBUTE): get_attribute,
    ("PATCH", ATTRIBUTE): update_attribute,
    ("GET", OPTIONS): list_options,
    ("GET", STATUSES): list_statuses,
}


@attrs.frozen(eq=False)
class App:
    """The ASGI app of an Attio sandbox.

    Attributes:
        workspace: Objects, lists and attributes.
        tokens: The valid tokens.
        reads: Rate limit of GET requests.
        writes: Rate limit of all other requests.
        middleware: Recording, faults and latency.
        page_size: Maximum and default number of attributes on a page; None for Attio's own.
        now: Returns the current time.
    """

    workspace: Workspace
    tokens: TokenRegistry
    reads: Throttle
    writes: Throttle
    middleware: Middleware
    page_size: int | None
    now: Callable[[], dt.datetime]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request.

        Raises:
            ConnectionDropped: A fault drops the connection; the server or transport around the app closes it.
        """
        request = self.middleware.new_request(scope, receive)
        token = self.tokens.authenticate(request.headers.get("authorization"))

        async def prepare(body: bytes) -> Handler:
            if request.method == "GET" and scope["path"] == FRONT_PATH:
                return partial(show_front_page, request, self.workspace, self.middleware.recorder, self.now())
            return partial(self._handle, request, body, token)

        await self.middleware.process(request, send, prepare, user=None if token is None else self.workspace.slug)

    def _handle(self, request: Request, body: bytes, token: Token | None) -> Reply:
        if token is None:
            raise attio_error(
                401, "unauthorized", "Could not authenticate the request: its access token is missing or invalid."
            )
        is_read = request.method == "GET"
        wait = (self.reads if is_read else self.writes).admit(token.value)
        if wait is not None:
            raise self._rate_limited(wait)
        path = raw_path(request.scope)
        attribute_path = parse_path(path)
        endpoint = None if attribute_path is None else ENDPOINTS.get((request.method, attribute_path.route))
        if attribute_path is None or endpoint is None:
            raise not_found(f'Could not find endpoint "{request.method} {path}".')
        if token.read_only and not is_read:
            raise _missing_scope(attribute_path)
        call = Call(request, body, attribute_path, self.workspace, self.page_size)
        return json_reply({"data": endpoint(call)})

    def _rate_limited(self, wait: float) -> ApiError:
        # Rounded up, because an HTTP date has whole seconds and a retry must not come too early.
        retry_at = (self.now() + dt.timedelta(seconds=wait + 0.999_999)).replace(microsecond=0)
        message = "Rate limit exceeded. Please try again later."
        return attio_error(429, "rate_limit_exceeded", message, headers={"retry-after": _http_date(retry_at)})


def reply_headers(now: Callable[[], dt.datetime]) -> Mapping[str, str]:
    """Return the headers of every reply."""
    return {"date": _http_date(now()), "x-attio-execution-id": str(uuid4())}


def _missing_scope(path: AttributePath) -> ApiError:
    scope = "object_configuration" if path.target == "objects" else "list_configuration"
    return attio_error(403, "unauthorized", f'This access token lacks the scope "{scope}:read-write".')


def _http_date(moment: dt.datetime) -> str:
    return format_datetime(moment.astimezone(dt.UTC), usegmt=True)
