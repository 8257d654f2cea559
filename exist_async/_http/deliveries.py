"""Sees writes through whose callers are cancelled on the way."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class Sending:
    """Remembers whether an attempt got its connection: from then on bytes may have been sent.

    Attributes:
        connected: Whether it did.
        request_connected: Whether its last request did; an auth that answers a challenge makes several.
    """

    __slots__ = ("connected", "request_connected")

    def __init__(self) -> None:
        self.connected = False
        self.request_connected = False


class Deliveries:
    """The writes under way. To cut one short would leave open whether it was carried out."""

    __slots__ = ("_under_way",)

    def __init__(self) -> None:
        # The event loop itself holds tasks weakly.
        self._under_way: set[asyncio.Task[Any]] = set()

    async def see_through(
        self, attempt: Coroutine[Any, Any, T], sending: Sending, late: "Callable[[asyncio.Task[T]], object]"
    ) -> T:
        """Wait for an attempt's answer. When the caller is cancelled, it goes on alone if it has its connection.

        Args:
            attempt: The attempt.
            sending: Whether it has its connection.
            late: Called with the attempt, done, if the caller was cancelled and can't be told any more.
        """
        delivery = asyncio.create_task(attempt)
        self._under_way.add(delivery)
        delivery.add_done_callback(self._under_way.discard)
        # Who is cancelled here leaves the delivery as it is. asyncio.wait does the same for more than twice the price.
        ended: asyncio.Future[None] = delivery.get_loop().create_future()
        delivery.add_done_callback(partial(_tell, ended))
        try:
            await ended
        except asyncio.CancelledError:
            if sending.connected:
                delivery.add_done_callback(late)
            else:
                delivery.cancel()
                delivery.add_done_callback(_ignore)
            raise
        return delivery.result()

    async def settle(self, seconds: float) -> None:
        """Wait until those of this event loop have ended, for so many seconds at most."""
        loop = asyncio.get_running_loop()
        mine = [delivery for delivery in list(self._under_way) if delivery.get_loop() is loop]
        if mine:
            await asyncio.wait(mine, timeout=seconds)


def _tell(ended: "asyncio.Future[None]", _: "asyncio.Task[Any]") -> None:
    if not ended.done():
        ended.set_result(None)


def _ignore(delivery: "asyncio.Task[Any]") -> None:
    """Take note of what became of a write that was not sent, or asyncio would say that nobody did."""
    if not delivery.cancelled():
        delivery.exception()
