"""The slots that a request of the client holds in its limiters, and how they are given back or counted."""

import asyncio
import logging
from collections.abc import Hashable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Protocol

from attrs import define

from exist_async._concurrency import cancelled_by_caller
from exist_async.rate_limits.base import RateLimiter

LONGEST_FLIGHT = 60.0
"""Seconds after which a request is given up whose answer nobody has reported: its process has died, for example."""

_CANCELLED_WAIT = 0.5  # seconds for which a cancelled call waits for a limiter's store

_log = logging.getLogger("exist_async")


@define(eq=False)
class Slot:
    """A slot that was taken for a request of the client, which reports its end.

    Attributes:
        user: Owner of the budget.
        mark: The limiter finds the slot by it; None as long as it is not taken.
    """

    user: Hashable
    mark: Any = None


class SettlingLimiter(Protocol):
    """A limiter of this package. One of the caller's has only the methods of `RateLimiter`."""

    async def settle(self, slots: "Slots") -> None:
        """Count a request of the client, whose slot is removed from `slots`, from now on: its answer has come."""


Slots = dict[SettlingLimiter, Slot]

current_slots: ContextVar[Slots | None] = ContextVar("exist_async_slots", default=None)
"""The slots of the request that the client is taking or returning slots for, by limiter.

`RateLimiter.acquire` returns nothing, and a limiter of the caller's may call others: so each enters here what it took.
None for callers other than the client: the slot of their request is free a period after it was taken.
"""


async def return_slots(slots: Slots, limiter: RateLimiter, user: Hashable, *, hold: float) -> None:
    """Give back the slots of a request that the service has not counted, and hold the user's next ones.

    An error of the limiter is logged: it must not hide what became of the request.
    """
    current_slots.set(slots)
    try:
        async with asyncio.timeout(_patience()):
            await limiter.refund(user, hold=hold)
    except Exception:  # noqa: BLE001  (of a limiter of the caller's)
        _log.exception("The rate limiter could not give a slot back")
    finally:
        current_slots.set(None)


async def count_failed(slots: Slots) -> None:
    """Count a request that has failed, and that the service may have counted, from now on."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_patience()):
            for limiter in tuple(slots):
                await limiter.settle(slots)


def _patience() -> float | None:
    """Return the seconds that a limiter has for it: few if the call was cancelled, else None for any number."""
    return _CANCELLED_WAIT if cancelled_by_caller() else None
