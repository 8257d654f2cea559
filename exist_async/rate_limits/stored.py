"""What rate limiters have in common that keep the window where other processes see it."""

import hashlib
import logging
import random
import re
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Hashable
from typing import Literal, ParamSpec, TypeVar

from exist_async._checks import check_function, safe_repr
from exist_async.errors import ConfigurationError, RateLimitError
from exist_async.rate_limits.waiting import WaitingRateLimiter

P = ParamSpec("P")
T = TypeVar("T")

WhenUnavailable = Literal["stop", "go_on"]
"""What becomes of requests while the window can't be seen."""

_log = logging.getLogger("exist_async")

_SHORT_AND_PLAIN = re.compile(r"[\w.@-]{1,64}", re.ASCII)
# Seconds. A store that failed is left alone for so long, or everyone in line would wait for it to fail again.
_REST = 3.0
# Seconds. Processes that wait for the same slot don't all ask at once.
_JITTER = 0.05


class StoreUnavailableError(Exception):
    """The window can't be seen; the text says why, and what to do about it."""


class StoredRateLimiter(WaitingRateLimiter):
    """A rate limiter whose window outlives the process, in a store that may fail.

    Args:
        limit: Requests in a period.
        period: The length of the window in seconds.
        when_unavailable: What becomes of requests while the store fails.
        max_waiting: Callers that may wait for one user's budget at once.
        clock: Seconds that only ever grow.
        sleep: Waits for some seconds.
        fraction: Gives random numbers from 0 to 1.
    """

    def __init__(
        self,
        limit: int,
        period: float,
        *,
        when_unavailable: WhenUnavailable,
        max_waiting: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
        fraction: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(limit, period, max_waiting=max_waiting, clock=clock, sleep=sleep)
        if when_unavailable not in ("stop", "go_on"):
            raise ConfigurationError(f"when_unavailable is 'stop' or 'go_on', not {safe_repr(when_unavailable)}")
        check_function("fraction", fraction)
        self._goes_on = when_unavailable == "go_on"
        self._fraction = fraction
        self._failure: str | None = None
        self._rests_until = 0.0

    async def refund(self, user: Hashable, *, hold: float) -> None:
        """Give a slot back and hold this user's requests, as `RateLimiter.refund` has it.

        While the store fails, the slot stays taken and nothing is held: a warning is logged, and nothing raised.
        """
        try:
            # By the rule, a whole period frees every slot: whoever asks for more is not to be believed.
            await self._reach(self._give_back_in_store, _name_of(user), min(hold, self._period))
        except StoreUnavailableError:
            # It was logged. What is wrong is told better by the 429 that this is about, or by the next request.
            return

    async def remaining(self, user: Hashable) -> int:
        """Return how many of this user's requests can go now without waiting.

        Raises:
            RateLimitError: The store fails, and requests are to stop then.
        """
        try:
            return await self._reach(self._free_in_store, _name_of(user))
        except StoreUnavailableError as error:
            self._go_on_or_stop(error)
            return self._limit

    @abstractmethod
    async def _take_in_store(self, name: str, ahead: int) -> float:
        """Take a slot or say how long, as `_take` has it, or raise StoreUnavailableError."""
        ...

    @abstractmethod
    async def _give_back_in_store(self, name: str, hold: float) -> None:
        """Give a slot back, and hold for so many seconds, or raise StoreUnavailableError."""
        ...

    @abstractmethod
    async def _free_in_store(self, name: str) -> int:
        """Return how many slots are free, or raise StoreUnavailableError."""
        ...

    async def _take(self, user: Hashable, ahead: int) -> float:
        try:
            return await self._reach(self._take_in_store, _name_of(user), ahead)
        except StoreUnavailableError as error:
            self._go_on_or_stop(error)
            return 0.0

    async def _pause(self, seconds: float) -> None:
        await super()._pause(seconds + self._fraction() * _JITTER)

    async def _reach(self, ask: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the store, unless it failed a moment ago; log that it fails once, and not with each request."""
        if self._failure is not None and self._clock() < self._rests_until:
            raise StoreUnavailableError(self._failure)
        try:
            answer = await ask(*args, **kwargs)
        except StoreUnavailableError as error:
            if self._failure is None:
                what = "are sent without a budget" if self._goes_on else "are refused"
                _log.warning("%s Until it is back, requests %s.", error, what)
            self._failure = str(error)
            self._rests_until = self._clock() + _REST
            raise
        self._failure = None
        return answer

    def _go_on_or_stop(self, error: StoreUnavailableError) -> None:
        if not self._goes_on:
            raise RateLimitError(
                f"{error} Nothing was sent: when_unavailable='go_on' would send without a budget.",
                retry_after=None,
                status_code=None,
            ) from error


def _name_of(user: Hashable) -> str:
    """Return what stands for a user in the store: their name, or a hash of one that is long or has odd characters."""
    if not isinstance(user, str):
        raise ConfigurationError(
            f"a budget that processes share needs a user's name, which {type(user).__name__} is not: give an access "
            "token or an OAuth2 as auth, or keep this budget with a MemoryRateLimiter"
        )
    if _SHORT_AND_PLAIN.fullmatch(user):
        return user
    # Half a surrogate pair has no bytes of its own.
    return hashlib.sha256(user.encode(errors="surrogatepass")).hexdigest()
