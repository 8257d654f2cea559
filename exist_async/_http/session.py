"""The one loop that every request goes through: turn, attempt, judge, perhaps again, read."""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable
from functools import lru_cache
from typing import TypeVar

import httpx

from exist_async._http import responses, retry
from exist_async._http.call import Call
from exist_async._http.options import Options
from exist_async._http.pool import Pool
from exist_async._http.secret import forget_requests
from exist_async.errors import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    ExistAsyncError,
    RateLimitError,
)
from exist_async.version import __version__

T = TypeVar("T")

_HEADERS = [
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"gzip, deflate"),
    (b"User-Agent", f"exist-async/{__version__}".encode()),
]

_CLOSED = "The client is closed. Make a new one, or call this inside its `async with`."

# With these no byte of the request was sent; every other failure of a transport leaves that open.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


class IdentifiedAuth(httpx.Auth):
    """Signs requests and says for whom, so that several clients of one user share one budget.

    Attributes:
        user: The user, or what stands for the token. Never the token itself: rate limiters may write it down.
    """

    user: Hashable


class RenewableAuth(IdentifiedAuth, ABC):
    """Signs requests with a token that the session has renewed, so that renewing is no part of a request.

    What these raise means that the request was not carried out.

    Attributes:
        origin: The origin of the service that gives the tokens. They are sent nowhere else.
    """

    origin: str

    @abstractmethod
    async def ready(self) -> None:
        """Have a token to sign with; called before each attempt."""
        ...

    @abstractmethod
    async def renew(self, rejected: str) -> None:
        """Have another token than the one that the service rejected with a 401."""
        ...


class Session:
    """Makes calls by the options of one view, over the pool that all views share.

    Args:
        pool: What sends.
        options: How.
        sleep: Waits for some seconds.
        fraction: Gives random numbers from 0 to 1.
        wall_clock: Seconds since the epoch.
    """

    __slots__ = ("_fraction", "_pool", "_renewable", "_sleep", "_user", "_wall_clock", "options")

    def __init__(
        self,
        pool: Pool,
        options: Options,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        fraction: Callable[[], float] = random.random,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._pool = pool
        self.options = options
        self._sleep = sleep
        self._fraction = fraction
        self._wall_clock = wall_clock
        self._user = _user_of(options.auth)
        self._renewable = options.auth if isinstance(options.auth, RenewableAuth) else None
        if self._renewable is not None and self._renewable.origin != options.base_url:
            raise ConfigurationError(
                f"base_url is {options.base_url}, and the tokens are of {self._renewable.origin}: "
                "give the client and its OAuthApp the same base_url"
            )

    def view(self, options: Options) -> "Session":
        """Return a session with other options over the same pool."""
        return Session(self._pool, options, sleep=self._sleep, fraction=self._fraction, wall_clock=self._wall_clock)

    async def fetch(self, call: Call, model: type[T]) -> T:
        """Make a call and read its answer.

        Raises:
            ExistAsyncError: As the tree in `errors` has it.
        """
        return responses.read(await self.exchange(call), call, model)

    async def exchange(self, call: Call) -> httpx.Response:
        """Make a call in as many attempts as it may take, and return its answer, which is a success."""
        attempt = 0
        patience = self.options.max_wait
        renewable = self._renewable
        while True:
            await self._turn(patience)
            attempt += 1
            try:
                response = await self.send(call)
                failure = responses.failure(response, call, self._wall_clock())
                if failure is None:
                    return response
                if renewable is None or not isinstance(failure, AuthenticationError):
                    raise failure
                # A 401 was not carried out: with a new token, the next attempt is as good as the first. Only once: a
                # second 401 has another reason than the age of the token.
                await renewable.renew(_token_of(response))
                renewable = None
                attempt -= 1
                continue
            except ExistAsyncError as error:
                wait = retry.pause(
                    error,
                    attempt,
                    max_retries=self.options.max_retries,
                    max_wait=patience,
                    fraction=self._fraction(),
                )
                if isinstance(error, RateLimitError):
                    await self._refund(error)
                    if patience is not None and wait is not None:
                        patience = max(0.0, patience - wait)
                if wait is None:
                    raise
            await self._sleep(wait)

    async def close(self) -> None:
        """Close the pool; every later call says that the client is closed."""
        await self._pool.aclose()

    async def _turn(self, patience: float | None) -> None:
        if self._pool.closed:
            raise ClientClosedError(_CLOSED)
        if self.options.rate_limiter is not None:
            await self.options.rate_limiter.acquire(self._user, max_wait=patience)

    async def _refund(self, error: RateLimitError) -> None:
        if self.options.rate_limiter is not None:
            await self.options.rate_limiter.refund(self._user, hold=error.retry_after or 0.0)

    async def send(self, call: Call) -> httpx.Response:
        """Make one attempt, and return its answer, whatever it says."""
        options = self.options
        try:
            url = _url(options.base_url + call.target)
        except httpx.InvalidURL as error:
            raise ConfigurationError(f"{call}: its names and filters make no valid address: {error}") from error
        request = _request(call, url)
        if self._renewable is not None:
            await self._renewable.ready()
        try:
            return await self._pool.send(request, options.auth, options.timeout)
        except httpx.HTTPStatusError as error:  # of an event hook in the caller's client: we judge for ourselves
            await error.response.aread()
            return error.response
        except httpx.RequestError as error:
            # It goes out as the cause: its request holds the token, or the form.
            forget_requests(error)
            raise self._failure(call, error) from error
        except RuntimeError as error:
            # What httpx and aiohttp raise for a client that was closed; neither sends anything then.
            if self._pool.closed:
                raise ClientClosedError(_CLOSED) from error
            raise

    def _failure(self, call: Call, error: httpx.RequestError) -> ExistAsyncError:
        """Say what a failure to get any answer means for the call."""
        not_sent = isinstance(error, _NOT_SENT)
        if self._pool.closed and (not_sent or call.is_read):
            return ClientClosedError(f"{call}: the client was closed before an answer came.")
        what = str(error) or type(error).__name__
        if not_sent:
            return ConnectionFailedError(
                f"{call} was not sent, for want of a connection to {self.options.base_url}: {what}"
            )
        return responses.unanswered(call, f"sent to {self.options.base_url}, but no readable answer came: {what}")


def _request(call: Call, url: httpx.URL) -> httpx.Request:
    """Build a request from its parts, which costs a fifth of having httpx find them out."""
    body = call.body or b""
    headers = [(b"Host", url.netloc), *_HEADERS]
    if call.body is not None:
        headers.append((b"Content-Type", call.content_type))
    if not call.is_read:
        headers.append((b"Content-Length", str(len(body)).encode()))
    request = httpx.Request(call.method, url, headers=headers, stream=httpx.ByteStream(body))
    # A caller's own auth may sign the body, and their hooks may show it.
    request.read()
    return request


def _token_of(response: httpx.Response) -> str:
    """Return the token that the request of an answer really carried."""
    signature: str = response.request.headers.get("authorization", "")
    return signature.rpartition(" ")[2]


def _user_of(auth: httpx.Auth) -> Hashable:
    if isinstance(auth, IdentifiedAuth):
        return auth.user
    # A class with an equality of its own, a dataclass say, can have no hash.
    return auth if getattr(auth, "__hash__", None) else id(auth)


@lru_cache(maxsize=1024)
def _url(url: str) -> httpx.URL:
    # Parsing costs more than all the rest of building a request.
    return httpx.URL(url)
