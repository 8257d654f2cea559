"""The client of Attio: builds the session and provides the resources."""

import asyncio
import random
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Final, Self, Unpack

import httpx

from exist_async._http.client import Client, Default, ViewOptions
from exist_async._http.options import Options
from exist_async._secrets import hides_locals
from exist_async.attio.attributes import ROOT, Attributes
from exist_async.events import Event
from exist_async.rate_limits import MemoryRateLimiter, RateLimiter

ATTIO: Final = "https://api.attio.com"
"""Origin of Attio's API."""

_READS_A_SECOND: Final = 100
_WRITES_A_SECOND: Final = 25


class AttioViewOptions(ViewOptions, total=False):
    """Arguments of `with_options`: those of `AttioClient`, except those of the pool."""

    write_rate_limiter: RateLimiter | None


@hides_locals
class AttioClient(Client):
    """Attio's attribute endpoints for one workspace; `with_options` serves others over the same connection pool.

    Use it as an asynchronous context manager, or call `aclose()` at the end. It may be created at module level:
    connections are opened on the running event loop at first use.

    The token needs the scope `object_configuration:read` to read attributes of objects, `list_configuration:read` for
    those of lists, and `:read-write` instead of `:read` to change them.

    Args:
        auth: An access token, or any `httpx.Auth`. None reads the token from the environment variable ATTIO_TOKEN.
        base_url: Origin of the service; https, except on this machine.
        timeout: Seconds for one whole attempt. Waiting for a free connection has the same limit, separately.
        deadline: Seconds after which a call starts no further attempt. In a listing, each page that is iterated over
            is a call. None sets no limit.
        max_retries: Attempts after the first, if repeating is harmless: always, except for a `create` that may have
            been carried out.
        concurrency: Requests that one call may have in flight.
        max_connections: Connections in the pool, which all views share.
        max_wait: Longest wait in seconds for a rate limit or a Retry-After; if a longer one is needed, RateLimitError
            is raised at once. None waits as long as it takes.
        rate_limiter: Keeps reads within Attio's limit of 100 a second for each token; in this process's memory by
            default. None disables it.
        write_rate_limiter: The same for writes, with a limit of 25 a second. If the two use files or Redis, give each a
            file or a `prefix` of its own.
        on_event: Called with each `AttemptEvent`, `RetryEvent` and `WaitEvent`, for metrics. It must return quickly.
            Its errors are logged and have no other effect.
        proxy: URL of an HTTP proxy.
        verify: Whether to check certificates, or an `ssl.SSLContext` that does.
        trust_env: Whether to read proxies and certificates from the environment: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY,
            NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.
        http_client: A client of yours to use instead of an own pool. It is never closed here; its timeouts, redirects,
            cookies, headers and auth are not used.
        clock: Monotonic clock, in seconds; for tests.
        sleep: Waits for a number of seconds; for tests.
        fraction: Returns random numbers from 0 to 1, for the jitter of pauses; for tests.
        wall_clock: Seconds since the epoch; for tests.

    Raises:
        ConfigurationError: An argument is wrong; the message names it.
    """

    __slots__ = ()

    _root = ROOT
    _variable = "ATTIO_TOKEN"
    _view_options = AttioViewOptions

    def __init__(
        self,
        auth: str | httpx.Auth | None = None,
        *,
        base_url: str = ATTIO,
        timeout: float = 30.0,
        deadline: float | None = None,
        max_retries: int = 2,
        concurrency: int = 8,
        max_connections: int = 100,
        max_wait: float | None = 60.0,
        rate_limiter: RateLimiter | Default | None = Default(),  # noqa: B008  (it is immutable)
        write_rate_limiter: RateLimiter | Default | None = Default(),  # noqa: B008  (it is immutable)
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
            rate_limiter = MemoryRateLimiter(_READS_A_SECOND, 1.0)
        if isinstance(write_rate_limiter, Default):
            write_rate_limiter = MemoryRateLimiter(_WRITES_A_SECOND, 1.0)
        options = Options(
            base_url=base_url,
            timeout=timeout,
            deadline=deadline,
            max_retries=max_retries,
            concurrency=concurrency,
            max_wait=max_wait,
            rate_limiter=rate_limiter,
            write_rate_limiter=write_rate_limiter,
            on_event=on_event,
            clock=clock,
            sleep=sleep,
            fraction=fraction,
            wall_clock=wall_clock,
        )
        self._open(
            auth,
            options,
            http_client,
            max_connections=max_connections,
            proxy=proxy,
            verify=verify,
            trust_env=trust_env,
        )

    @property
    def attributes(self) -> Attributes:
        """The attributes of objects and lists."""
        return Attributes(self._session)

    @hides_locals
    def with_options(self, **options: Unpack[AttioViewOptions]) -> Self:
        """Return a view for another workspace, or with other options, on the same pool; creating one is cheap.

        It shares the rate limiters, which count each token separately. Closing it does nothing.

        Args:
            **options: The arguments of `AttioClient` that differ, except those of the pool.

        Raises:
            ConfigurationError: An option is wrong, or can't be set on a view.
        """
        return self._view(options)
