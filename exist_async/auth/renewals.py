"""Runs each token renewal once for all callers that wait for it; cancelling a caller does not cancel it."""

import asyncio
import copy
import logging
from collections.abc import Callable, Coroutine, Hashable
from typing import TYPE_CHECKING, Any

from exist_async.errors import ExistAsyncError

if TYPE_CHECKING:
    from exist_async.token_stores import OAuthToken

_log = logging.getLogger("exist_async")

# Seconds: two requests of thirty, the pause between them, and as much again for the store.
_LONGEST_RENEWAL = 120.0

_Key = tuple[asyncio.AbstractEventLoop, Hashable]

Renew = Callable[[Callable[[], None]], Coroutine[Any, Any, "OAuthToken"]]
"""Renews a token. Its argument is to be called before the service is asked: from then on, a new token can be lost."""

# Event loops hold only weak references to their tasks.
_in_progress: dict[_Key, "_Renewal"] = {}


async def single_flight(what: Hashable, user: str, renew: Renew) -> "OAuthToken":
    """Renew a token, or wait for the renewal of the same token that is in progress on this event loop.

    It goes on when the callers that wait for it are cancelled. If it fails, each of them gets the error; if none is
    left, it is logged.

    Args:
        what: Identifies the token.
        user: The token's user, for the log.
        renew: Renews it.

    Returns:
        The token to use from now on.
    """
    key = (asyncio.get_running_loop(), what)
    renewal = _in_progress.get(key)
    if renewal is None:
        _remove_closed_loops()
        renewal = _in_progress[key] = _Renewal(key, user, renew)
    return await renewal.wait()


async def wait_for_saves() -> None:
    """Wait until every renewal on this event loop that has asked the service has saved its token, or failed.

    Renewals that still wait for their store's lock are not waited for: it could hang. Their errors are not raised here.
    A store that hangs while it saves is waited for as long as a renewal may take.
    """
    try:
        async with asyncio.timeout(_LONGEST_RENEWAL):
            while tasks := _unsaved_renewals():
                await asyncio.wait(tasks)
    except TimeoutError:
        _log.warning(
            "A renewed token is not saved after %.0f s, and is lost if the event loop ends now", _LONGEST_RENEWAL
        )


class _Renewal:
    """One renewal, and the number of callers that wait for it."""

    def __init__(self, key: _Key, user: str, renew: Renew) -> None:
        self.has_asked = False
        self.task = asyncio.create_task(renew(self._mark_asked))
        self.task.add_done_callback(self._end)
        self._key = key
        self._user = user
        self._waiting = 0
        self._delivered = False

    async def wait(self) -> "OAuthToken":
        """Return the new token once it is there."""
        self._waiting += 1
        try:
            await asyncio.wait([self.task])
        except asyncio.CancelledError:
            self._waiting -= 1
            self._log_if_undelivered()
            raise
        self._delivered = True
        try:
            return self.task.result()
        except ExistAsyncError as error:
            # A write sets its result on the error that it raises, so each caller needs a copy of its own.
            raise copy.copy(error) from error.__cause__

    def _mark_asked(self) -> None:
        self.has_asked = True

    def _end(self, _: "asyncio.Task[OAuthToken]") -> None:
        del _in_progress[self._key]
        self._log_if_undelivered()

    def _log_if_undelivered(self) -> None:
        """Log the error of a renewal that no caller waits for any more."""
        if self._delivered or self._waiting or not self.task.done():
            return
        self._delivered = True
        if self.task.cancelled():
            _log.warning(
                "The renewal of the token of %r ended with its event loop: the user may have to sign in again",
                self._user,
            )
        elif error := self.task.exception():
            # Without its causes, which may be a store's own errors and quote the stored tokens.
            _log.error("The token of %r was not renewed, and no caller waits for it any more: %s", self._user, error)


def _unsaved_renewals() -> "list[asyncio.Task[OAuthToken]]":
    running = asyncio.get_running_loop()
    renewals = [renewal for (loop, _), renewal in list(_in_progress.items()) if loop is running]
    return [renewal.task for renewal in renewals if renewal.has_asked]


def _remove_closed_loops() -> None:
    for key in list(_in_progress):
        if key[0].is_closed():
            _in_progress.pop(key, None)
