"""Slows a user's calls down once the service has refused one of theirs, until it lets them through again."""

import asyncio
import sys
from collections import deque
from collections.abc import Hashable

# So many at once are as good as all.
_WIDE = 16

_Gates = dict[tuple[asyncio.AbstractEventLoop, Hashable], "Gate"]


class Gate:
    """What the calls of one user on one event loop go through in the order in which they came.

    It lets one through at a time, twice as many after each that the service answers without asking it to wait, and one
    again after each that it refuses. Once it is wide, it is there for nobody new.

    Attributes:
        answered: How many calls were answered that went through it.
    """

    __slots__ = ("_gates", "_inside", "_key", "_waiting", "_width", "answered")

    def __init__(self, gates: _Gates, user: Hashable) -> None:
        self.answered = 0
        self._gates = gates
        self._key = (asyncio.get_running_loop(), user)
        self._width = 1
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        gates[self._key] = self

    async def enter(self, patience: float | None) -> bool:
        """Wait for one's turn, and say whether it came within so many seconds."""
        if self._inside < self._width and not self._waiting:
            self._inside += 1
            return True
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(patience):
                await turn
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            if _came(turn):
                self.leave()
            raise
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)
                self._take_down_if_empty()
        return _came(turn)

    def leave(self) -> None:
        """Let the next one in."""
        self._inside -= 1
        self._let_in()
        self._take_down_if_empty()

    def count(self, *, at_once: bool) -> None:
        """Count one that the service has answered, and let more in if it did so at once."""
        self.answered += 1
        if not at_once:
            return
        self._width *= 2
        if self._width >= _WIDE:
            self._width = sys.maxsize
            self._take_down()
        self._let_in()

    def narrow(self) -> None:
        """Let one in at a time again: the service has refused one."""
        self._width = 1
        self._gates.setdefault(self._key, self)

    def _let_in(self) -> None:
        while self._waiting and self._inside < self._width:
            turn = self._waiting.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)

    def _take_down_if_empty(self) -> None:
        if not self._inside and not self._waiting:
            self._take_down()

    def _take_down(self) -> None:
        if self._gates.get(self._key) is self:
            del self._gates[self._key]


def _came(turn: "asyncio.Future[None]") -> bool:
    return turn.done() and not turn.cancelled()


class Gates:
    """The gates of all users whose calls were refused lately.

    Exist's Retry-After says when one slot is free, not when all are. Let out together, all but one of those who wait
    would be refused again.
    """

    __slots__ = ("_gates",)

    def __init__(self) -> None:
        self._gates: _Gates = {}

    def of(self, user: Hashable) -> Gate | None:
        """Return the user's gate, if there is one."""
        if not self._gates:
            return None
        return self._gates.get((asyncio.get_running_loop(), user))

    def put_up(self, user: Hashable) -> Gate:
        """Return the user's gate, a new one if there is none."""
        return self.of(user) or Gate(self._gates, user)
