"""What the clients of all services have in common: a pool, views of it, closing, and calls of any endpoint."""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, ClassVar, Self, TypedDict
from urllib.parse import quote

import attrs
import httpx

from exist_async._checks import check_flag, check_function, check_text, safe_repr
from exist_async._http.call import Call, encode_query
from exist_async._http.options import Options
from exist_async._http.pool import Pool
from exist_async._http.session import Session
from exist_async._json import ANYTHING, encode_argument
from exist_async.errors import ConfigurationError
from exist_async.events import Event
from exist_async.rate_limits import RateLimiter


class ViewOptions(TypedDict, total=False):
    """What `with_options` takes: the arguments of a client but those of the pool."""

    auth: str | httpx.Auth
    base_url: str
    timeout: float
    deadline: float | None
    max_retries: int
    concurrency: int
    max_wait: float | None
    rate_limiter: RateLimiter | None
    on_event: Callable[[Event], object] | None


class Default:
    """Stands for a rate limiter that each client makes for itself."""

    def __repr__(self) -> str:
        return "<in memory>"


class Client:
    """A client of one service. Its nouns hold the session below it, and are made whenever they are asked for."""

    __slots__ = ("_owns_pool", "_session")

    _root: ClassVar[str]
    """The path that the service's API is below."""

    def _open(
        self,
        auth: httpx.Auth,
        options: Options,
        *,
        max_connections: int,
        proxy: str | None,
        verify: bool | ssl.SSLContext,
        trust_env: bool,
        http_client: httpx.AsyncClient | None,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
        fraction: Callable[[], float],
    ) -> None:
        """Begin with an own pool, or with a caller's client."""
        for name, function in (("clock", clock), ("sleep", sleep), ("fraction", fraction)):
            check_function(name, function)
        own = (max_connections, proxy, verify, trust_env) == (100, None, True, True)
        if http_client is not None and not own:
            raise ConfigurationError("http_client: max_connections, proxy, verify and trust_env are its own to set")
        if http_client is None:
            pool = Pool.open(max_connections=max_connections, proxy=proxy, verify=verify, trust_env=trust_env)
        else:
            pool = Pool.of(http_client)
        self._session = Session(pool, auth, options, clock=clock, sleep=sleep, fraction=fraction)
        self._owns_pool = True

    def _view(self, auth: httpx.Auth | None, changes: Mapping[str, Any]) -> Self:
        """Return a view of another user, or with other options; the caller has checked that a view can set them."""
        mine = self._session
        view = object.__new__(type(self))
        # Most views are of another user alone: they share the options, which are checked whenever they are made.
        options = attrs.evolve(mine.options, **changes) if changes else mine.options
        view._session = mine.view(mine.auth if auth is None else auth, options)
        view._owns_pool = False
        return view

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        repeatable: bool | None = None,
    ) -> Any:
        """Call an endpoint that has no method here yet.

        Args:
            method: The HTTP method.
            path: The path below the API's own, such as `attributes/` at Exist, whose paths end in a slash.
            params: The query.
            json: What to send as JSON; None sends nothing.
            repeatable: Whether it is harmless when it is carried out twice. None means that only a GET is.

        Returns:
            The decoded JSON.

        Raises:
            ExistAsyncError: As for every other call.
        """
        check_text("path", path)
        if not isinstance(params, Mapping | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"params is a mapping of strings to strings, not {type(params).__name__}")
        if not (isinstance(method, str) and method.isascii() and method.isalpha()):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"method is an HTTP method like 'GET', not {safe_repr(method)}")
        if repeatable is not None:
            check_flag("repeatable", repeatable)
        method = method.upper()
        path = path.removeprefix("/")
        if not {".", ".."}.isdisjoint(path.split("/")):
            raise ConfigurationError(f"path {path!r} leads elsewhere: it has no '.' and '..'")
        for name, value in (params or {}).items():
            check_text("params", name)
            check_text(f"params[{name!r}]", value)
        await self._session.prepare()
        call = Call(
            method,
            self._root + quote(path, safe="/-._~%"),
            encode_query(params or {}),
            None if json is None else encode_argument("json", json),
            repeatable=method == "GET" if repeatable is None else repeatable,
        )
        return await self._session.fetch(call, ANYTHING)

    async def aclose(self) -> None:
        """Let no further request out, and close the connections. A view closes nothing.

        Writes that are under way on this event loop are waited for, as long as `timeout` at most, those of cancelled
        callers too.
        """
        if self._owns_pool:
            await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._session.options.base_url}>"


def check_view_options(changes: Mapping[str, Any], known: type, client: str) -> None:
    """Refuse what a view can't set.

    Args:
        changes: The options.
        known: The TypedDict of those that it can.
        client: The name of the client's class.
    """
    if not changes.keys() <= known.__annotations__.keys():
        unknown = changes.keys() - known.__annotations__.keys()
        raise ConfigurationError(f"{', '.join(sorted(unknown))}: a view can't set this; make another {client}")
