"""Renewals under way: one for however many wait for it, and none of them can end it."""

import asyncio
import copy
import logging
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

from exist_async.errors import ExistAsyncError
from exist_async.token_stores import OAuthToken

_log = logging.getLogger("exist_async")

_Key = tuple[asyncio.AbstractEventLoop, Hashable]

# The event loop itself holds tasks weakly.
_under_way: dict[_Key, "_Renewal"] = {}


async def once(what: Hashable, user: str, renew: Callable[[], Coroutine[Any, Any, OAuthToken]]) -> OAuthToken:
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
        renewal = _under_way[key] = _Renewal(key, user, asyncio.create_task(renew()))
    return await renewal.token()


class _Renewal:
    """One renewal, and how many wait for it."""

    def __init__(self, key: _Key, user: str, task: asyncio.Task[OAuthToken]) -> None:
        self._key = key
        self._user = user
        self._task = task
        self._waiting = 0
        self._heard = False
        task.add_done_callback(self._end)

    async def token(self) -> OAuthToken:
        """Wait for the token."""
        self._waiting += 1
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:
            self._waiting -= 1
            self._log_if_unheard()
            raise
        self._heard = True
        try:
            return self._task.result()
        except ExistAsyncError as error:
            # A write puts its result on the error that it raises: each needs one of its own.
            raise copy.copy(error) from error.__cause__

    def _end(self, _: asyncio.Task[OAuthToken]) -> None:
        del _under_way[self._key]
        self._log_if_unheard()

    def _log_if_unheard(self) -> None:
        if self._heard or self._waiting or not self._task.done():
            return
        self._heard = True
        if self._task.cancelled():
            _log.warning("The renewal of the token of %r ended with its event loop: sign in again if asked", self._user)
        elif error := self._task.exception():
            # Without its causes, which may be a store's own errors and quote what was stored.
            _log.error("The token of %r was not renewed, and nobody waits for it any more: %s", self._user, error)


def _forget_closed_loops() -> None:
    for key in list(_under_way):
        if key[0].is_closed():
            _under_way.pop(key, None)
