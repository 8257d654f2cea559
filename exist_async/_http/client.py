"""The base of the clients of all services: the pool, views of it, closing, and calls to any endpoint."""

import logging
import ssl
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypedDict
from urllib.parse import quote, unquote

import attrs
import httpx

from exist_async._checks import check_flag, check_text, safe_repr, wrong_type
from exist_async._http.call import Call, encode_query
from exist_async._http.options import Options
from exist_async._http.pool import Pool
from exist_async._http.session import Session
from exist_async._http.signing import auth_from
from exist_async._json import ANYTHING, encode_argument
from exist_async.errors import ConfigurationError
from exist_async.events import Event
from exist_async.rate_limits import RateLimiter

_log = logging.getLogger("exist_async")


class ViewOptions(TypedDict, total=False):
    """The arguments of `with_options`: those of a client, without the pool's."""

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
    """The default of `rate_limiter`: each client makes one of its own, in memory."""

    def __repr__(self) -> str:
        return "<in memory>"


class Client:
    """A client of one service. Its resources hold its session, and are created each time they are asked for."""

    __slots__ = ("_owns_pool", "_session")

    _root: ClassVar[str]
    """The path prefix of the service's API."""

    _variable: ClassVar[str]
    """The environment variable that holds an access token."""

    _view_options: ClassVar[type] = ViewOptions
    """The TypedDict of the options that a view can have for itself."""

    def _open(
        self,
        auth: str | httpx.Auth | None,
        options: Options,
        http_client: httpx.AsyncClient | None,
        *,
        max_connections: int,
        proxy: str | None,
        verify: bool | ssl.SSLContext,
        trust_env: bool,
    ) -> None:
        """Create the session, over a new pool or over a caller's HTTP client."""
        if http_client is None:
            pool = Pool.open(max_connections=max_connections, proxy=proxy, verify=verify, trust_env=trust_env)
        elif (max_connections, proxy, verify, trust_env) == (100, None, True, True):
            pool = Pool.over(http_client)
        else:
            raise ConfigurationError(
                "max_connections, proxy, verify and trust_env can't be combined with http_client: set them there"
            )
        self._session = Session(pool, auth_from(auth, self._variable), options)
        self._owns_pool = True
        _log.debug("%r was created", self)

    def _view(self, options: Mapping[str, Any], implied: Mapping[str, Any] = MappingProxyType({})) -> Self:
        """Return a view with other options, and those that they imply; raise ConfigurationError for a wrong one."""
        if unknown := options.keys() - self._view_options.__annotations__.keys():
            names = ", ".join(sorted(unknown))
            raise ConfigurationError(f"{names}: a view can't set this; create another {type(self).__name__}")
        session = self._session
        changes = {**options, **implied}
        auth = auth_from(changes.pop("auth"), self._variable) if "auth" in changes else session.auth
        view = object.__new__(type(self))
        # Most views differ only in their user. They share the options, whose checks take time.
        view._session = session.view(auth, attrs.evolve(session.options, **changes) if changes else session.options)
        view._owns_pool = False
        return view

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | float] | None = None,
        json: object = None,
        repeatable: bool | None = None,
    ) -> Any:
        """Call an endpoint that this package has no method for yet.

        Args:
            method: The HTTP method.
            path: The path below the API's own, such as `attributes/` for Exist, whose paths end in a slash.
            params: The query: strings and numbers. A flag of Exist's is "true", or left out.
            json: The body, sent as JSON; None sends none.
            repeatable: Whether carrying it out twice is harmless. None means that it is for GET only.

        Returns:
            The decoded JSON.

        Raises:
            ExistAsyncError: As every other call does.
        """
        check_text("path", path)
        if not isinstance(params, Mapping | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong_type("params", "a mapping of names to strings or numbers", params)
        if not (isinstance(method, str) and method.isascii() and method.isalpha()):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"method must be an HTTP method like 'GET', not {safe_repr(method)}")
        if repeatable is not None:
            check_flag("repeatable", repeatable)
        method = method.upper()
        path = path.removeprefix("/")
        if not {".", ".."}.isdisjoint(_decode(path).replace("\\", "/").split("/")):
            raise ConfigurationError(f"path must not contain '.' or '..' segments, encoded or not, as {path!r} does")
        query = {name: _query_value(name, value) for name, value in (params or {}).items()}
        await self._session.prepare()
        call = Call(
            method,
            self._root + quote(path, safe="/-._~%"),
            encode_query(query),
            None if json is None else encode_argument("json", json),
            repeatable=method == "GET" if repeatable is None else repeatable,
        )
        return await self._session.send(call, ANYTHING)

    async def aclose(self) -> None:
        """Stop sending requests and close the connections. Closing a view does nothing.

        Writes in flight on this event loop are waited for, also those of cancelled callers, no longer than `timeout`.
        """
        if self._owns_pool:
            await self._session.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        try:
            await self.aclose()
        except Exception:
            if error is None:
                raise
            # The block's own error would only be the context of this one.
            _log.exception("Closing the client failed, after its block had ended with %s", type(error).__name__)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {self._session.options.base_url}>"


def _decode(path: str) -> str:
    """Return a path without percent-encoding, which servers and proxies may decode more than once."""
    while (decoded := unquote(path)) != path:
        path = decoded
    return path


def _query_value(name: object, value: object) -> str:
    check_text("a name in params", name)
    # bool is an int to Python. Exist counts a flag as set whatever its value is, so False is not converted either.
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= sys.float_info.max:
            raise ConfigurationError(f"params[{name!r}] must be a finite number")
        return str(value)
    if not isinstance(value, str):
        raise wrong_type(f"params[{name!r}]", "a string, such as 'true' for a flag, or a number", value)
    check_text(f"params[{name!r}]", value)
    return value
