"""Runs each token renewal once for all callers that wait for it, and only some of them at the same time.

Cancelling a caller does not cancel a renewal.
"""

import asyncio
import copy
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Hashable
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from exist_async._concurrency import running_loop
from exist_async._http.pool import Pool, renewing_pool
from exist_async.errors import ExistAsyncError, OAuthError

if TYPE_CHECKING:
    from exist_async.token_stores import OAuthToken, TokenStore

_log = logging.getLogger("exist_async")

# Seconds: two requests of thirty, the pause between them, and as much again for the store.
_LONGEST_RENEWAL = 120.0

# The most renewals of an event loop that are in progress over one pool, each of which holds a lock. They are at most
# half as many as the pool's connections, so that calls find a free one.
_MOST_AT_ONCE = 25

# Seconds for which a renewal waits for its lock before the next one begins: another process may keep the lock.
_PATIENCE = 5.0

# Renewals in a row without an answer after which those that wait for their turn fail, too, or as many as are in
# progress at once: otherwise each of thousands would wait for the timeouts of all before it.
_FEWEST_FAILURES = 5

_MOST_NAMED = 5

Renew = Callable[[asyncio.Event], Coroutine[Any, Any, "OAuthToken"]]
"""Renews a token. It sets the event before it asks the service: from then on, a new token can be lost."""

# The event loops with renewals in progress.
_in_progress: dict[asyncio.AbstractEventLoop, "_OnLoop"] = {}


async def single_flight(token_key: Hashable, user: str, renew: Renew) -> "OAuthToken":
    """Renew a token, or wait for the renewal of the same token that is in progress on this event loop.

    It continues when its callers are cancelled. All callers get its error; if none is left, the error is logged.
    """
    loop = asyncio.get_running_loop()
    if loop not in _in_progress:
        for other in list(_in_progress):
            if other.is_closed():
                _in_progress.pop(other, None)
        _in_progress[loop] = _OnLoop()
    renewals = _in_progress[loop].renewals
    renewal = renewals.get(token_key)
    if renewal is None or renewal.task.cancelling():
        renewal = renewals[token_key] = _Renewal(token_key, user, renew)
    return await renewal.wait()


async def wait_for_saves(seconds: float) -> None:
    """Wait until every renewal on this event loop that has asked the service has saved its token, or failed.

    Of those that have not asked yet, for example because they wait for their store's lock, the ones without callers are
    cancelled, by which nothing is lost, and the others are waited for, `seconds` at most. Errors are not raised here.
    The wait for a store that hangs while it saves ends after the longest time that a renewal may take.
    """
    running = running_loop()
    if running is None:
        return
    end = running.time() + seconds
    try:
        async with asyncio.timeout(_LONGEST_RENEWAL):
            while running in _in_progress:
                renewals = list(_in_progress[running].renewals.values())
                for renewal in renewals:
                    renewal.end_with_last_caller()
                asked = [renewal.task for renewal in renewals if renewal.has_asked.is_set()]
                time_left = end - running.time()
                if time_left <= 0:
                    if asked:
                        await asyncio.wait(asked)
                    _log_waiting([each.user for each in renewals if each.callers and not each.has_asked.is_set()])
                    return
                if asked:
                    await asyncio.wait(asked, timeout=time_left)
                    continue
                await asyncio.wait(
                    [renewal.task for renewal in renewals], timeout=time_left, return_when=asyncio.FIRST_COMPLETED
                )
    except TimeoutError:
        _log.warning(
            "A renewed token is not saved after %.0f s, and is lost if the event loop ends now", _LONGEST_RENEWAL
        )


def _log_waiting(users: list[str]) -> None:
    for user in users[:_MOST_NAMED]:
        _log.warning(
            "The renewal of the token of %r still waits for the store's lock. If another process holds the lock and "
            "hangs, end that process. Let the event loop run until the renewal has ended, or the token may be lost",
            user,
        )
    if more := len(users[_MOST_NAMED:]):
        _log.warning("The renewals of %d more tokens still wait. Let the event loop run until they have ended", more)


@asynccontextmanager
async def lock_in_turn(store: "TokenStore", user: str) -> AsyncGenerator["Turn", None]:
    """Hold the lock of a user's token, with one of the turns of the pool over which it is renewed.

    A renewal that waits long for its lock makes way for others meanwhile.
    """
    loop = asyncio.get_running_loop()
    turn = Turn(_in_progress[loop].turns_over(renewing_pool.get()), user)
    await turn.take()
    patience = loop.call_later(_PATIENCE, turn.make_way)
    try:
        async with store.lock(user):
            patience.cancel()
            await turn.take()
            yield turn
    finally:
        patience.cancel()
        turn.make_way()


class Turn:
    """The turn of one renewal."""

    def __init__(self, turns: "Turns", user: str) -> None:
        self._turns = turns
        self._user = user
        self._is_taken = False

    async def take(self) -> None:
        """Wait for the turn, unless it is taken already."""
        if not self._is_taken:
            await self._turns.take(self._user)
            self._is_taken = True

    def make_way(self) -> None:
        """Let the next renewal begin, unless it may already."""
        if self._is_taken:
            self._is_taken = False
            self._turns.give_back()

    def watch(self) -> AbstractContextManager[None]:
        """Note whether the service answers a token request."""
        return self._turns.watch()


class Turns:
    """Limits the renewals that are in progress at once; the others wait, in order of arrival."""

    def __init__(self, at_once: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._most_failures = max(at_once, _FEWEST_FAILURES)
        # Renewals in a row that got no answer.
        self._failed = 0

    async def take(self, user: str) -> None:
        """Wait for a turn to renew a user's token.

        Raises:
            OAuthError: Too many of those that had their turn meanwhile got no answer, one after another.
        """
        failed_before = self._failed
        await self._free.acquire()
        if self._failed - failed_before >= self._most_failures:
            self.give_back()
            raise OAuthError(
                f"The token of {user!r} was not renewed: it waited for others, and the last {self._most_failures} of "
                "them got no answer from the service. Try again later."
            )

    def give_back(self) -> None:
        """Let the next renewal begin."""
        self._free.release()

    @contextmanager
    def watch(self) -> Generator[None, None, None]:
        """Note whether the service answers a token request."""
        try:
            yield
        except OAuthError as error:
            was_answered = error.status_code is not None and error.status_code < 429
            self._failed = 0 if was_answered else self._failed + 1
            raise
        self._failed = 0


class _OnLoop:
    """The renewals in progress on one event loop, by token, and their turns."""

    def __init__(self) -> None:
        # Event loops hold only weak references to their tasks.
        self.renewals: dict[Hashable, _Renewal] = {}
        self._turns = WeakKeyDictionary[Pool, Turns]()
        self._turns_without_pool = Turns(_MOST_AT_ONCE)

    def turns_over(self, pool: Pool | None) -> Turns:
        """Return the turns of the renewals over a client's pool, or of those without a client."""
        if pool is None:
            return self._turns_without_pool
        if pool not in self._turns:
            share = _MOST_AT_ONCE if pool.max_connections is None else pool.max_connections // 2
            self._turns[pool] = Turns(max(1, min(_MOST_AT_ONCE, share)))
        return self._turns[pool]


class _Renewal:
    """One renewal, and the number of callers that wait for it or got its result."""

    def __init__(self, token_key: Hashable, user: str, renew: Renew) -> None:
        self.has_asked = asyncio.Event()
        self.task = asyncio.create_task(renew(self.has_asked))
        self.task.add_done_callback(self._end)
        self._token_key = token_key
        self.user = user
        self.callers = 0
        self._ends_with_last_caller = False

    async def wait(self) -> "OAuthToken":
        self.callers += 1
        try:
            await asyncio.wait([self.task])
        except asyncio.CancelledError:
            self.callers -= 1
            self._end_if_unwanted()
            self._log_if_undelivered()
            raise
        try:
            return self.task.result()
        except ExistAsyncError as error:
            # A write sets its result on the error that it raises, so each caller needs a copy of its own.
            raise copy.copy(error) from error.__cause__

    def end_with_last_caller(self) -> None:
        """Cancel the renewal as soon as nobody waits for it, unless it has asked the service by then."""
        self._ends_with_last_caller = True
        self._end_if_unwanted()

    def _end_if_unwanted(self) -> None:
        if self._ends_with_last_caller and not self.callers and not self.has_asked.is_set():
            self.task.cancel()

    def _end(self, _: "asyncio.Task[OAuthToken]") -> None:
        loop = self.task.get_loop()
        renewals = _in_progress[loop].renewals if loop in _in_progress else {}
        # Another may have begun after this one was cancelled.
        if renewals.get(self._token_key) is self:
            del renewals[self._token_key]
            if not renewals:
                del _in_progress[loop]
        self._log_if_undelivered()

    def _log_if_undelivered(self) -> None:
        if self.callers or not self.task.done():
            return
        if self.task.cancelled():
            if self.has_asked.is_set():
                _log.warning(
                    "The renewal of the token of %r ended with its event loop: the user may have to sign in again",
                    self.user,
                )
        elif error := self.task.exception():
            # Without its causes, which may be a store's own errors and quote the stored tokens.
            _log.error("The token of %r was not renewed, and no caller waits for it any more: %s", self.user, error)
