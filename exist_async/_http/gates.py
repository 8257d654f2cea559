"""Lets a user's calls out one at a time, once the service has refused one of theirs."""

import asyncio
from collections.abc import Hashable


class Gate:
    """What the calls of one user on one event loop go through in the order in which they came, until none is left."""

    __slots__ = ("_gates", "_key", "_lock", "_users")

    def __init__(self, gates: "dict[tuple[asyncio.AbstractEventLoop, Hashable], Gate]", key: Hashable) -> None:
        self._gates = gates
        self._key = (asyncio.get_running_loop(), key)
        self._lock = asyncio.Lock()
        self._users = 0
        gates[self._key] = self

    async def enter(self, patience: float | None) -> bool:
        """Wait for one's turn, and say whether it came within so many seconds."""
        self._users += 1
        entered = False
        try:
            async with asyncio.timeout(patience):
                await self._lock.acquire()
            entered = True
        except TimeoutError:
            pass
        finally:
            if not entered:
                self._go()
        return entered

    def leave(self) -> None:
        """Let the next one in."""
        self._lock.release()
        self._go()

    def _go(self) -> None:
        self._users -= 1
        if not self._users:
            del self._gates[self._key]


class Gates:
    """The gates of all users whose calls were refused lately.

    Exist's Retry-After says when one slot is free, not when all are. Let out together, all but one of those who wait
    would be refused again.
    """

    __slots__ = ("_gates",)

    def __init__(self) -> None:
        self._gates: dict[tuple[asyncio.AbstractEventLoop, Hashable], Gate] = {}

    def of(self, user: Hashable) -> Gate | None:
        """Return the user's gate, if there is one."""
        if not self._gates:
            return None
        return self._gates.get((asyncio.get_running_loop(), user))

    def put_up(self, user: Hashable) -> Gate:
        """Return the user's gate, a new one if there is none. It is there until everybody who entered it has left."""
        return self.of(user) or Gate(self._gates, user)
