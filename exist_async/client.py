"""Builds the session, and hangs the nouns of Exist's API on it."""

import asyncio
import random
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Self, Unpack

import httpx

from exist_async._http.client import Client, Default, ViewOptions, check_view_options
from exist_async._http.options import Options
from exist_async.attributes import Attributes
from exist_async.auth import auth_from, settled
from exist_async.events import Event
from exist_async.profile import Profile
from exist_async.rate_limits import MemoryRateLimiter, RateLimiter
from exist_async.resource import EXIST, ROOT
from exist_async.values import Values

if TYPE_CHECKING:
    from exist_async.averages import Averages
    from exist_async.correlations import Correlations
    from exist_async.insights import Insights

_VARIABLE: Final = "EXIST_TOKEN"


class ExistClient(Client):
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
        clock: Monotonic clock, in seconds; for tests.
        sleep: Waits for a number of seconds; for tests.
        fraction: Returns random numbers from 0 to 1, for the jitter of pauses; for tests.

    Raises:
        ConfigurationError: An argument is wrong; it is named.
    """

    __slots__ = ()

    _root = ROOT

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
        rate_limiter: RateLimiter | Default | None = Default(),  # noqa: B008  (it holds nothing)
        on_event: Callable[[Event], object] | None = None,
        proxy: str | None = None,
        verify: bool | ssl.SSLContext = True,
        trust_env: bool = True,
        http_client: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        if isinstance(rate_limiter, Default):
            rate_limiter = MemoryRateLimiter()
        options = Options(
            base_url=base_url,
            timeout=timeout,
            deadline=deadline,
            max_retries=max_retries,
            concurrency=concurrency,
            max_wait=max_wait,
            rate_limiter=rate_limiter,
            write_rate_limiter=rate_limiter,
            on_event=on_event,
        )
        self._open(
            auth_from(auth, _VARIABLE),
            options,
            max_connections=max_connections,
            proxy=proxy,
            verify=verify,
            trust_env=trust_env,
            http_client=http_client,
            clock=clock,
            sleep=sleep,
            fraction=fraction,
        )

    @property
    def attributes(self) -> Attributes:
        """The user's attributes, and who owns them."""
        return Attributes(self._session)

    @property
    def averages(self) -> "Averages":
        """What is usual for the user."""
        from exist_async.averages import Averages

        return Averages(self._session)

    @property
    def correlations(self) -> "Correlations":
        """What goes together in their life."""
        from exist_async.correlations import Correlations

        return Correlations(self._session)

    @property
    def insights(self) -> "Insights":
        """What Exist found worth telling them."""
        from exist_async.insights import Insights

        return Insights(self._session)

    @property
    def profile(self) -> Profile:
        """The user."""
        return Profile(self._session)

    @property
    def values(self) -> Values:
        """What their attributes have on each day."""
        return Values(self._session)

    def with_options(self, **options: Unpack[ViewOptions]) -> Self:
        """Return a view for another user, or with other options, on the same pool; it costs next to nothing to make.

        Its hourly budget is kept by the same limiter, and is its user's own. Closing it does nothing.

        Args:
            **options: The arguments of `ExistClient` that differ; all but those of the pool.

        Raises:
            ConfigurationError: An option is wrong, or is not a view's to set.
        """
        check_view_options(options, ViewOptions, "ExistClient")
        changes: dict[str, Any] = dict(options)
        auth = auth_from(changes.pop("auth"), _VARIABLE) if "auth" in changes else None
        if "rate_limiter" in changes:
            # Exist has one budget for reads and writes.
            changes["write_rate_limiter"] = changes["rate_limiter"]
        return self._view(auth, changes)

    async def aclose(self) -> None:
        """Let no further request out, and close the connections. A view closes nothing.

        Writes that are under way on this event loop are waited for, as long as `timeout` at most, those of cancelled
        callers too. So are tokens that are being renewed, until they are saved: they would be lost if the loop ended
        before.
        """
        try:
            await super().aclose()
        finally:
            if self._owns_pool:
                await settled()
