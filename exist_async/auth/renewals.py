"""Renewals under way: one for however many wait for it, and none of them can end it."""

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
_LONGEST = 120.0

_Key = tuple[asyncio.AbstractEventLoop, Hashable]

Work = Callable[[Callable[[], None]], Coroutine[Any, Any, "OAuthToken"]]
"""Renews a token. It is given what to call when it asks the service, and has a new token to lose from then on."""

# The event loop itself holds tasks weakly.
_under_way: dict[_Key, "_Renewal"] = {}


async def once(what: Hashable, user: str, renew: Work) -> "OAuthToken":
    """Renew a token, or wait for the renewal of the same token that is under way on this event loop.

    It goes on when those who wait for it are cancelled. If it fails, each of them gets the error; if none is left, the
    log does.

    Args:
        what: What is renewed.
        user: Whose token it is, for the log.
        renew: Renews it.

    Returns:
        The token to use from now on.
    """
    key = (asyncio.get_running_loop(), what)
    renewal = _under_way.get(key)
    if renewal is None:
        _forget_closed_loops()
        renewal = _under_way[key] = _Renewal(key, user, renew)
    return await renewal.token()


async def settled() -> None:
    """Wait until no renewal on this event loop has a new token to lose; what they end in is not raised here.

    Those that still wait for their store are not waited for: it could hang. A cancellation ends the waiting, and none
    of them. So does the time in which a renewal ends: a store that hangs while it saves would hang whoever waits.
    """
    try:
        async with asyncio.timeout(_LONGEST):
            while tasks := _with_something_to_lose():
                await asyncio.wait(tasks)
    except TimeoutError:
        _log.warning("A renewed token is not saved after %.0f s, and is lost if the event loop ends now", _LONGEST)


class _Renewal:
    """One renewal, and how many wait for it."""

    def __init__(self, key: _Key, user: str, renew: Work) -> None:
        self.has_something_to_lose = False
        self.task = asyncio.create_task(renew(self._ask))
        self.task.add_done_callback(self._end)
        self._key = key
        self._user = user
        self._waiting = 0
        self._heard = False

    async def token(self) -> "OAuthToken":
        """Wait for the token."""
        self._waiting += 1
        try:
            await asyncio.wait([self.task])
        except asyncio.CancelledError:
            self._waiting -= 1
            self._log_if_unheard()
            raise
        self._heard = True
        try:
            return self.task.result()
        except ExistAsyncError as error:
            # A write puts its result on the error that it raises: each needs one of its own.
            raise copy.copy(error) from error.__cause__

    def _ask(self) -> None:
        self.has_something_to_lose = True

    def _end(self, _: "asyncio.Task[OAuthToken]") -> None:
        del _under_way[self._key]
        self._log_if_unheard()

    def _log_if_unheard(self) -> None:
        if self._heard or self._waiting or not self.task.done():
            return
        self._heard = True
        if self.task.cancelled():
            _log.warning("The renewal of the token of %r ended with its event loop: sign in again if asked", self._user)
        elif error := self.task.exception():
            # Without its causes, which may be a store's own errors and quote what was stored.
            _log.error("The token of %r was not renewed, and nobody waits for it any more: %s", self._user, error)


def _with_something_to_lose() -> "list[asyncio.Task[OAuthToken]]":
    running = asyncio.get_running_loop()
    renewals = [renewal for (loop, _), renewal in list(_under_way.items()) if loop is running]
    return [renewal.task for renewal in renewals if renewal.has_something_to_lose]


def _forget_closed_loops() -> None:
    for key in list(_under_way):
        if key[0].is_closed():
            _under_way.pop(key, None)
