"""What waits for its turn, and ends when the client is closed."""

import asyncio
from collections.abc import Awaitable

from exist_async.errors import ClientClosedError


class Waits:
    """The waits of all calls: for the budget, for a pause to be over, for those who come first."""

    __slots__ = ("_under_way",)

    def __init__(self) -> None:
        self._under_way: dict[asyncio.Timeout, asyncio.AbstractEventLoop] = {}

    async def until(self, waiting: Awaitable[object]) -> None:
        """Wait until something is there.

        Raises:
            ClientClosedError: The client was closed meanwhile.
        """
        # One without an end is the cheap way to end a wait from outside.
        wait = asyncio.timeout(None)
        try:
            async with wait:
                self._under_way[wait] = asyncio.get_running_loop()
                try:
                    await waiting
                finally:
                    del self._under_way[wait]
        except TimeoutError:
            if wait.expired():
                raise ClientClosedError("The client was closed while this call waited for its turn.") from None
            raise

    def end(self) -> None:
        """End those of this event loop."""
        loop = asyncio.get_running_loop()
        for wait, its_loop in list(self._under_way.items()):
            if its_loop is loop:
                wait.reschedule(loop.time())
