"""Sends a user's calls one at a time after a 429, until one gets through without a pause."""

import asyncio
from collections.abc import Hashable

_Key = tuple[asyncio.AbstractEventLoop, Hashable]


class Throttle:
    """The lines in which calls wait: one for each budget that a 429 was answered for.

    Exist's Retry-After says when one slot is free, not when all are. If all calls that wait were sent then, all but one
    would be refused again.

    Attributes:
        lines: The lines, by event loop and budget; empty as long as nothing was refused.
    """

    __slots__ = ("lines",)

    def __init__(self) -> None:
        self.lines: dict[_Key, Line] = {}

    def line_of(self, budget: Hashable) -> "Line | None":
        """Return the line that calls of a budget wait in, or None."""
        return self.lines.get((asyncio.get_running_loop(), budget))

    def open_line(self, budget: Hashable) -> "Line":
        """Return the line that calls of a budget wait in, a new one if there is none."""
        return self.line_of(budget) or Line(self.lines, (asyncio.get_running_loop(), budget))


class Line:
    """Calls of one budget on one event loop: the first is being sent, the others wait in the order they came.

    Attributes:
        answered: Number of calls in this line that the service has answered.
        dissolved: Whether calls need not wait any more.
    """

    __slots__ = ("_calls", "_first", "_key", "_lines", "answered", "dissolved")

    def __init__(self, lines: dict[_Key, "Line"], key: _Key) -> None:
        self.answered = 0
        self.dissolved = False
        self._calls = 0
        self._first = asyncio.Lock()
        self._lines = lines
        self._key = key
        lines[key] = self

    async def wait(self, patience: float | None) -> bool:
        """Wait until the calls before this one have left; return False if that takes more than `patience` seconds.

        After True, the call is first until it leaves. If the line has dissolved meanwhile, the call has left already.
        """
        self._calls += 1
        try:
            async with asyncio.timeout(patience):
                await self._first.acquire()
        except BaseException as error:
            self._remove_call()
            if isinstance(error, TimeoutError):
                return False
            raise
        if self.dissolved:
            self.leave()
        return True

    def leave(self) -> None:
        """Let the next call be first."""
        self._first.release()
        self._remove_call()

    def count_answer(self, *, paused: bool) -> None:
        """Count a call that was answered; if it did not have to pause, the others need not wait for one another."""
        self.answered += 1
        if not paused:
            self.dissolved = True
            self._forget()

    def _remove_call(self) -> None:
        self._calls -= 1
        if not self._calls:
            self._forget()

    def _forget(self) -> None:
        if self._lines.get(self._key) is self:
            del self._lines[self._key]
