"""Runs each token renewal once for all callers that wait for it; cancelling a caller does not cancel it."""

import asyncio
import copy
import logging
from collections.abc import Callable, Coroutine, Hashable
from typing import TYPE_CHECKING, Any

from exist_async._concurrency import running_loop
from exist_async.errors import ExistAsyncError

if TYPE_CHECKING:
    from exist_async.token_stores import OAuthToken

_log = logging.getLogger("exist_async")

# Seconds: two requests of thirty, the pause between them, and as much again for the store.
_LONGEST_RENEWAL = 120.0

Renew = Callable[[asyncio.Event], Coroutine[Any, Any, "OAuthToken"]]
"""Renews a token. It sets the event before it asks the service: from then on, a new token can be lost."""

# Event loops hold only weak references to their tasks.
_in_progress: dict[tuple[asyncio.AbstractEventLoop, Hashable], "_Renewal"] = {}


async def single_flight(token_key: Hashable, user: str, renew: Renew) -> "OAuthToken":
    """Renew a token, or wait for the renewal of the same token that is in progress on this event loop.

    It continues when its callers are cancelled. All callers get its error; if none is left, the error is logged.
    """
    key = (asyncio.get_running_loop(), token_key)
    renewal = _in_progress.get(key)
    if renewal is None or renewal.task.cancelling():
        for other in list(_in_progress):
            if other[0].is_closed():
                _in_progress.pop(other, None)
        renewal = _in_progress[key] = _Renewal(key, user, renew)
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
            while renewals := [renewal for (loop, _), renewal in list(_in_progress.items()) if loop is running]:
                asked = [renewal.task for renewal in renewals if renewal.has_asked.is_set()]
                if asked:
                    await asyncio.wait(asked)
                    continue
                for renewal in renewals:
                    renewal.end_with_last_caller()
                if running.time() >= end:
                    _log_waiting([renewal.user for renewal in renewals if renewal.callers])
                    return
                await asyncio.wait(
                    [renewal.task for renewal in renewals],
                    timeout=end - running.time(),
                    return_when=asyncio.FIRST_COMPLETED,
                )
    except TimeoutError:
        _log.warning(
            "A renewed token is not saved after %.0f s, and is lost if the event loop ends now", _LONGEST_RENEWAL
        )


def _log_waiting(users: list[str]) -> None:
    for user in users:
        _log.warning(
            "The renewal of the token of %r still waits for the store's lock. If another process holds the lock and "
            "hangs, end that process. Let the event loop run until the renewal has ended, or the token may be lost",
            user,
        )


class _Renewal:
    """One renewal, and the number of callers that wait for it or got its result."""

    def __init__(self, key: tuple[asyncio.AbstractEventLoop, Hashable], user: str, renew: Renew) -> None:
        self.has_asked = asyncio.Event()
        self.task = asyncio.create_task(renew(self.has_asked))
        self.task.add_done_callback(self._end)
        self._key = key
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
        # Another may have begun after this one was cancelled.
        if _in_progress.get(self._key) is self:
            del _in_progress[self._key]
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
