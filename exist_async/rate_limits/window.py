"""The moving window of one user: who is in it, and when the next may come in."""

from collections import deque
from collections.abc import Iterable


class Window:
    """One user's requests of the last period, and until when all further ones are held back.

    Args:
        limit: Requests in a period.
        period: The length of the window in seconds.
        taken: When each was let in, oldest first.
        held_until: When the next may be let in, whatever is free.
    """

    __slots__ = ("_limit", "_period", "held_until", "taken")

    def __init__(self, limit: int, period: float, taken: Iterable[float] = (), held_until: float = 0.0) -> None:
        self._limit = limit
        self._period = period
        self.taken = deque(taken)
        self.held_until = held_until

    def wait(self, now: float, ahead: int = 0) -> float:
        """Return the seconds until a request can be let in when so many others are let in before it; 0 is now."""
        self.forget(now)
        free = self._limit - len(self.taken)
        opens = now
        if ahead >= free:
            # Each takes the slot of one that leaves, in order; those beyond a whole budget take the slots of the first.
            # Whoever shares the window with a larger limit can have taken more than there are here.
            rounds, place = divmod(ahead - max(free, 0), self._limit)
            index = place + max(-free, 0)
            opens = (self.taken[index] if index < len(self.taken) else now) + (rounds + 1) * self._period
        return max(opens, self.held_until, now) - now

    def free(self, now: float) -> int:
        """Return how many can be let in now."""
        self.forget(now)
        return 0 if now < self.held_until else max(0, self._limit - len(self.taken))

    def take(self, now: float) -> None:
        """Let one in."""
        self.taken.append(now)

    def give_back(self, now: float, hold: float) -> None:
        """Take back that the last one was let in, and hold further ones for some seconds."""
        if self.taken:
            self.taken.pop()
        self.held_until = max(self.held_until, now + hold)

    def forget(self, now: float) -> None:
        """Forget those who have left the window."""
        while self.taken and self.taken[0] + self._period <= now:
            self.taken.popleft()
