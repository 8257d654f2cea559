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

    The renewal continues when the callers that wait for it are cancelled. If it fails, each of them gets the error; if
    no caller is left, it is logged.
    """
    key = (asyncio.get_running_loop(), token_key)
    renewal = _in_progress.get(key)
    if renewal is None:
        for other in list(_in_progress):
            if other[0].is_closed():
                _in_progress.pop(other, None)
        renewal = _in_progress[key] = _Renewal(key, user, renew)
    return await renewal.wait()


async def wait_for_saves() -> None:
    """Wait until every renewal on this event loop that has asked the service has saved its token, or failed.

    Renewals that still wait for their store's lock are not waited for, because it could hang. Errors are not raised
    here. The wait for a store that hangs while it saves ends after the longest time that a renewal may take.
    """
    running = running_loop()
    if running is None:
        return
    try:
        async with asyncio.timeout(_LONGEST_RENEWAL):
            while tasks := [
                renewal.task
                for (loop, _), renewal in list(_in_progress.items())
                if loop is running and renewal.has_asked.is_set()
            ]:
                await asyncio.wait(tasks)
    except TimeoutError:
        _log.warning(
            "A renewed token is not saved after %.0f s, and is lost if the event loop ends now", _LONGEST_RENEWAL
        )


class _Renewal:
    """One renewal, and the number of callers that wait for it or got its result."""

    def __init__(self, key: tuple[asyncio.AbstractEventLoop, Hashable], user: str, renew: Renew) -> None:
        self.has_asked = asyncio.Event()
        self.task = asyncio.create_task(renew(self.has_asked))
        self.task.add_done_callback(self._end)
        self._key = key
        self._user = user
        self._callers = 0

    async def wait(self) -> "OAuthToken":
        """Return the new token, or raise the error of the renewal."""
        self._callers += 1
        try:
            await asyncio.wait([self.task])
        except asyncio.CancelledError:
            self._callers -= 1
            self._log_if_undelivered()
            raise
        try:
            return self.task.result()
        except ExistAsyncError as error:
            # A write sets its result on the error that it raises, so each caller needs a copy of its own.
            raise copy.copy(error) from error.__cause__

    def _end(self, _: "asyncio.Task[OAuthToken]") -> None:
        del _in_progress[self._key]
        self._log_if_undelivered()

    def _log_if_undelivered(self) -> None:
        """Log the error of a renewal when all of its callers were cancelled."""
        if self._callers or not self.task.done():
            return
        if self.task.cancelled():
            _log.warning(
                "The renewal of the token of %r ended with its event loop: the user may have to sign in again",
                self._user,
            )
        elif error := self.task.exception():
            # Without its causes, which may be a store's own errors and quote the stored tokens.
            _log.error("The token of %r was not renewed, and no caller waits for it any more: %s", self._user, error)
