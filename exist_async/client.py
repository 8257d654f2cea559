"""The client for Exist: creates the session, and has the resources of the API as properties."""

import asyncio
import random
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Self, Unpack

import httpx

from exist_async._http.client import Client, Default, ViewOptions
from exist_async._http.options import Options
from exist_async._secrets import hides_locals
from exist_async.attributes import Attributes
from exist_async.auth import wait_for_saves
from exist_async.events import Event
from exist_async.profile import Profile
from exist_async.rate_limits import MemoryRateLimiter, RateLimiter
from exist_async.resource import ROOT, origin_from
from exist_async.values import Values

if TYPE_CHECKING:
    from exist_async.averages import Averages
    from exist_async.correlations import Correlations
    from exist_async.insights import Insights


@hides_locals
class ExistClient(Client):
    """Exist's API for one user; with `with_options`, for many users over one connection pool.

    Use it as an async context manager, or call `aclose()` at the end. It may be created at module level: connections
    are opened at first use, on the event loop that is running then.

    Args:
        auth: An access token, an `OAuth2`, a `SimpleToken`, or any `httpx.Auth`. None reads the environment variable
            EXIST_TOKEN.
        base_url: The origin of the service. It must use https, unless its host is this machine. None reads the
            environment variable EXIST_BASE_URL; if that is not set, it is Exist's own origin, https://exist.io.
        timeout: Seconds for a whole attempt. Waiting for a free connection may take as many seconds in addition.
        deadline: Seconds after which a call starts no further attempt: items of a write that were not tried by then are
            `not_sent`, and waiting for the budget ends. An attempt in flight still has its `timeout`. When a listing or
            a history is iterated over, each page is a call. None is no deadline.
        max_retries: Maximum number of further attempts of a call, where they are certainly harmless. Those
            answered with a 429 that does not say how long to wait don't count, nor, with a `max_wait` of None, any 429.
        concurrency: Maximum number of requests that one call has in flight.
        max_connections: Maximum number of connections in the pool, which all views share. When calls wait for one,
            the next is for the user that holds the fewest.
        max_wait: Longest wait in seconds for the hourly budget or a Retry-After; a longer one raises RateLimitError at
            once. None is no limit.
        rate_limiter: Keeps the hourly budget of each user; by default in the memory of this process. None disables it.
        on_event: Called with each `AttemptEvent`, `RetryEvent`, `WaitEvent` and `RefreshEvent`, for metrics. It must
            not block. An error that it raises is logged, and has no other effect.
        proxy: URL of an HTTP proxy.
        verify: Whether to verify certificates, or the `ssl.SSLContext` to use.
        trust_env: Whether to use the environment's proxies and certificates: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY,
            NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.
        http_client: Your own HTTP client, used in place of a new connection pool. It is never closed here, and its
            timeouts, redirects, cookies, headers and auth are not used. It does not report when a request gets its
            connection, so requests of a cancelled write that wait in its pool are still sent.
        clock: Monotonic clock, in seconds; for tests.
        sleep: Waits for a number of seconds; for tests.
        fraction: Returns random numbers from 0 to 1, for the jitter of retries; for tests.
        wall_clock: Seconds since the epoch; for tests.

    Raises:
        ConfigurationError: An argument is wrong; the message names it.
    """

    __slots__ = ()

    _root = ROOT
    _variable = "EXIST_TOKEN"

    def __init__(
        self,
        auth: str | httpx.Auth | None = None,
        *,
        base_url: str | None = None,
        timeout: float = 30.0,
        deadline: float | None = None,
        max_retries: int = 2,
        concurrency: int = 8,
        max_connections: int = 100,
        max_wait: float | None = 60.0,
        rate_limiter: RateLimiter | Default | None = Default(),  # noqa: B008  (it has no state)
        on_event: Callable[[Event], object] | None = None,
        proxy: str | None = None,
        verify: bool | ssl.SSLContext = True,
        trust_env: bool = True,
        http_client: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        fraction: Callable[[], float] = random.random,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        if isinstance(rate_limiter, Default):
            rate_limiter = MemoryRateLimiter()
        self._open(
            auth,
            Options(
                base_url=origin_from(base_url),
                timeout=timeout,
                deadline=deadline,
                max_retries=max_retries,
                concurrency=concurrency,
                max_wait=max_wait,
                rate_limiter=rate_limiter,
                write_rate_limiter=rate_limiter,  # Exist has one budget for reads and writes
                on_event=on_event,
                clock=clock,
                sleep=sleep,
                fraction=fraction,
                wall_clock=wall_clock,
            ),
            http_client,
            max_connections=max_connections,
            proxy=proxy,
            verify=verify,
            trust_env=trust_env,
        )

    @property
    def attributes(self) -> Attributes:
        """The user's attributes: list, create, acquire and release them."""
        return Attributes(self._session)

    @property
    def averages(self) -> "Averages":
        """The averages of the user's attributes."""
        from exist_async.averages import Averages

        return Averages(self._session)

    @property
    def correlations(self) -> "Correlations":
        """Correlations between attributes."""
        from exist_async.correlations import Correlations

        return Correlations(self._session)

    @property
    def insights(self) -> "Insights":
        """Insights: remarkable values, as found by Exist."""
        from exist_async.insights import Insights

        return Insights(self._session)

    @property
    def profile(self) -> Profile:
        """The user's profile, and the date in their time zone."""
        return Profile(self._session)

    @property
    def values(self) -> Values:
        """The values of the user's attributes: read and write them."""
        return Values(self._session)

    @hides_locals
    def with_options(self, **options: Unpack[ViewOptions]) -> Self:
        """Return a view for another user, or with other options, over the same pool. It takes microseconds.

        It shares the rate limiter, which keeps a separate budget for each user. Closing a view does nothing.

        Args:
            **options: Arguments of `ExistClient`, except those of the pool.

        Raises:
            ConfigurationError: An option is wrong, or can't be changed in a view.
        """
        # Exist has one budget for reads and writes.
        both = {"write_rate_limiter": options["rate_limiter"]} if "rate_limiter" in options else {}
        return self._view(options, both)

    async def aclose(self) -> None:
        """Stop sending requests and close the connections. Closing a view does nothing.

        Waits for writes in flight on this event loop, also those of cancelled callers, for at most `timeout`, and for
        renewed tokens to be saved, which would be lost otherwise.
        """
        if not self._owns_pool:
            return
        self._session.stop()
        try:
            await wait_for_saves(self._session.options.timeout)
        finally:
            # After the renewals, whose token requests go over these connections.
            await super().aclose()
