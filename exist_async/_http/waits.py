"""What waits for its turn, and ends when the client is closed."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from exist_async.errors import ClientClosedError

_CLOSED = "The client was closed while this call waited for its turn."


class Waits:
    """The waits of all calls: for the budget, for a pause to be over, for those who come first."""

    __slots__ = ("_ended", "_under_way")

    def __init__(self) -> None:
        self._ended = False
        self._under_way: dict[asyncio.Timeout, asyncio.AbstractEventLoop] = {}

    async def until(self, waiting: Coroutine[Any, Any, object]) -> None:
        """Wait until something is there.

        Raises:
            ClientClosedError: The client was closed meanwhile.
        """
        if self._ended:
            waiting.close()
            raise ClientClosedError(_CLOSED)
        # One without an end is the cheap way to end a wait from outside.
        wait = asyncio.timeout(None)
        try:
            async with wait:
                self._under_way[wait] = asyncio.get_running_loop()
                try:
                    await waiting
                finally:
                    self._under_way.pop(wait, None)
        except TimeoutError:
            if wait.expired():
                raise ClientClosedError(_CLOSED) from None
            raise

    def end(self) -> None:
        """End all of them, each on its own event loop, and let none begin."""
        self._ended = True
        for wait, loop in list(self._under_way.items()):
            # A loop that was closed has nothing left that waits.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._end, wait)

    def _end(self, wait: asyncio.Timeout) -> None:
        # It may have ended meanwhile, or is being ended: what is on its way out is no more in here.
        if self._under_way.pop(wait, None) is not None:
            wait.reschedule(asyncio.get_running_loop().time())
