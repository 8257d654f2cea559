"""Builds the session, and hangs the nouns of Exist's API on it."""

import ssl
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack
from urllib.parse import quote

import attrs
import httpx

from exist_async._http import checks
from exist_async._http.call import Call, encode_query
from exist_async._http.converter import ANYTHING, converter
from exist_async._http.options import Options
from exist_async._http.pool import Pool
from exist_async._http.session import Session
from exist_async.attributes import Attributes
from exist_async.auth import auth_from, settled
from exist_async.averages import Averages
from exist_async.correlations import Correlations
from exist_async.errors import ConfigurationError
from exist_async.events import Event
from exist_async.insights import Insights
from exist_async.profile import Profile
from exist_async.rate_limits import MemoryRateLimiter, RateLimiter
from exist_async.resource import EXIST, ROOT
from exist_async.values import Values


class ViewOptions(TypedDict, total=False):
    """What `with_options` takes: the arguments of `ExistClient` but those of the pool."""

    auth: str | httpx.Auth
    base_url: str
    timeout: float
    deadline: float | None
    max_retries: int
    concurrency: int
    max_wait: float | None
    rate_limiter: RateLimiter | None
    on_event: Callable[[Event], object] | None


class _Default:
    """Stands for a rate limiter that each client makes for itself."""

    def __repr__(self) -> str:
        return "<in memory>"


class ExistClient:
    """Exist's API for one user; with `with_options`, for many users over one connection pool.

    Use it as an asynchronous context manager, or call `aclose()` at the end. It may be made at module level:
    connections are opened on the running event loop at first use.

    Args:
        auth: What signs requests: an access token, an `OAuth2`, a `SimpleToken`, or any `httpx.Auth`. None takes the
            token in the environment variable EXIST_TOKEN.
        base_url: The origin of the service: https, unless it is this machine itself.
        timeout: Seconds for one attempt, all of it. Waiting for a free connection has as many seconds of its own.
        deadline: Seconds after which a call begins no further attempt: the items of a write that were not tried by then
            are `not_sent`, and what waits for its turn gives up. An attempt under way still has its `timeout`. Of a
            listing or a history that is iterated over, each page is a call. None is no end.
        max_retries: Attempts beyond the first, where another is sure to be harmless. With a `max_wait` of None, those
            that a 429 has cost don't count.
        concurrency: Requests that one call may have in flight.
        max_connections: Connections in the pool, which all views share.
        max_wait: The longest wait in seconds for the hourly budget or a Retry-After; a longer one raises RateLimitError
            at once. None waits as long as it takes.
        rate_limiter: Keeps the hourly budget, user by user; in this process's memory by default. None switches it off.
        on_event: Called with each `AttemptEvent`, `RetryEvent`, `WaitEvent` and `RefreshEvent`, for metrics. It is to
            return at once. What it raises is logged, and changes nothing.
        proxy: The URL of an HTTP proxy.
        verify: Whether to check certificates, or the `ssl.SSLContext` that does.
        trust_env: Whether the environment's proxies and certificates count: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY,
            NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.
        http_client: A client of yours to send with instead of an own pool. It is never closed here, and its timeouts,
            redirects, cookies, headers and auth are not used. What it can't tell is taken to be so: of a cancelled
            write, requests that wait in its pool are sent all the same.

    Attributes:
        attributes: The user's attributes, and who owns them.
        averages: What is usual for the user.
        correlations: What goes together in their life.
        insights: What Exist found worth telling them.
        profile: The user.
        values: What their attributes have on each day.

    Raises:
        ConfigurationError: An argument is wrong; it is named.
    """

    __slots__ = (
        "_owns_pool",
        "_session",
        "attributes",
        "averages",
        "correlations",
        "insights",
        "profile",
        "values",
    )

    def __init__(
        self,
        auth: str | httpx.Auth | None = None,
        *,
        base_url: str = EXIST,
        timeout: float = 30.0,
        deadline: float | None = None,
        max_retries: int = 2,
        concurrency: int = 8,
        max_connections: int = 100,
        max_wait: float | None = 60.0,
        rate_limiter: RateLimiter | _Default | None = _Default(),  # noqa: B008  (it holds nothing)
        on_event: Callable[[Event], object] | None = None,
        proxy: str | None = None,
        verify: bool | ssl.SSLContext = True,
        trust_env: bool = True,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        options = Options(
            auth=auth_from(auth, "EXIST_TOKEN"),
            base_url=base_url,
            timeout=timeout,
            deadline=deadline,
            max_retries=max_retries,
            concurrency=concurrency,
            max_wait=max_wait,
            rate_limiter=MemoryRateLimiter() if isinstance(rate_limiter, _Default) else rate_limiter,
            on_event=on_event,
        )
        own = (max_connections, proxy, verify, trust_env) == (100, None, True, True)
        if http_client is not None and not own:
            raise ConfigurationError("http_client: max_connections, proxy, verify and trust_env are its own to set")
        if http_client is None:
            pool = Pool.open(max_connections=max_connections, proxy=proxy, verify=verify, trust_env=trust_env)
        else:
            pool = Pool.of(http_client)
        self._hang_on(Session(pool, options), owns_pool=True)

    def with_options(self, **options: Unpack[ViewOptions]) -> Self:
        """Return a view for another user, or with other options, on the same pool; it costs next to nothing to make.

        Its hourly budget is kept by the same limiter, and is its user's own. Closing it does nothing.

        Args:
            **options: The arguments of `ExistClient` that differ; all but those of the pool.

        Raises:
            ConfigurationError: An option is wrong, or is not a view's to set.
        """
        changes: dict[str, Any] = dict(options)
        if unknown := changes.keys() - ViewOptions.__annotations__.keys():
            raise ConfigurationError(f"{', '.join(sorted(unknown))}: a view can't set this; make another ExistClient")
        if "auth" in changes:
            changes["auth"] = auth_from(changes["auth"], "EXIST_TOKEN")
        view = object.__new__(type(self))
        view._hang_on(self._session.view(attrs.evolve(self._session.options, **changes)), owns_pool=False)
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
            path: The path below `/api/2/`, such as `attributes/`; Exist's paths end in a slash.
            params: The query.
            json: What to send as JSON; None sends nothing.
            repeatable: Whether it is harmless when it is carried out twice. None means that only a GET is.

        Returns:
            The decoded JSON.

        Raises:
            ExistAsyncError: As for every other call.
        """
        checks.text("path", path)
        if not isinstance(params, Mapping | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"params is a mapping of strings to strings, not {type(params).__name__}")
        if not (isinstance(method, str) and method.isascii() and method.isalpha()):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"method is an HTTP method like 'GET', not {checks.shown(method)}")
        if repeatable is not None:
            checks.flag("repeatable", repeatable)
        method = method.upper()
        path = path.removeprefix("/")
        if not {".", ".."}.isdisjoint(path.split("/")):
            raise ConfigurationError(f"path {path!r} leads elsewhere: it has no '.' and '..'")
        for name, value in (params or {}).items():
            checks.text("params", name)
            checks.text(f"params[{name!r}]", value)
        call = Call(
            method,
            ROOT + quote(path, safe="/-._~%"),
            encode_query(params or {}),
            None if json is None else converter.dumps_strictly("json", json),
            repeatable=method == "GET" if repeatable is None else repeatable,
        )
        return await self._session.fetch(call, ANYTHING)

    async def aclose(self) -> None:
        """Let no further request out, and close the connections. A view closes nothing.

        Writes that are under way on this event loop are waited for, as long as `timeout` at most, those of cancelled
        callers too. So are tokens that are being renewed, until they are saved: they would be lost if the loop ended
        before.
        """
        if self._owns_pool:
            try:
                await self._session.close()
            finally:
                await settled()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<ExistClient of {self._session.options.base_url}>"

    def _hang_on(self, session: Session, *, owns_pool: bool) -> None:
        self._session = session
        self._owns_pool = owns_pool
        self.attributes = Attributes(session)
        self.averages = Averages(session)
        self.correlations = Correlations(session)
        self.insights = Insights(session)
        self.profile = Profile(session)
        self.values = Values(session)
