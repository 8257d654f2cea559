"""The moving window: counts one user's requests of the last period and calculates the wait for the next."""

from collections import deque
from collections.abc import Iterable


class Window:
    """One user's requests of the last period, and the time until which further ones are held back.

    Args:
        limit: Requests in a period.
        period: Length of the window in seconds.
        taken: Time of each request, oldest first.
        held_until: Time before which no request may be sent, even if slots are free.
    """

    __slots__ = ("_limit", "_period", "held_until", "taken")

    def __init__(self, limit: int, period: float, taken: Iterable[float] = (), held_until: float = 0.0) -> None:
        self._limit = limit
        self._period = period
        self.taken = deque(taken)
        self.held_until = held_until

    def wait(self, now: float, ahead: int = 0) -> float:
        """Return the seconds until a request can be sent after `ahead` others; 0 means now."""
        self.drop_expired(now)
        free = self._limit - len(self.taken)
        opens = self.held_until
        if ahead >= free:
            # Each request takes the slot of one that expires, in order; those beyond a whole budget take the slots of
            # the first. A process with a larger limit can have put more into a shared window than `limit`.
            rounds, place = divmod(ahead - max(free, 0), self._limit)
            index = place + max(-free, 0)
            expiring = self.taken[index] if index < len(self.taken) else now
            opens = max(opens, expiring + (rounds + 1) * self._period)
        return opens - now if opens > now else 0.0

    def free(self, now: float) -> int:
        """Return the number of requests that can be sent now."""
        self.drop_expired(now)
        return 0 if now < self.held_until else max(0, self._limit - len(self.taken))

    def take(self, now: float) -> None:
        """Count a request."""
        self.taken.append(now)

    def refund(self, now: float, hold: float) -> None:
        """Uncount the last request, and hold further ones for some seconds."""
        if self.taken:
            self.taken.pop()
        self.held_until = max(self.held_until, now + hold)

    def drop_expired(self, now: float) -> None:
        """Remove the requests that have left the window."""
        while self.taken and self.taken[0] + self._period <= now:
            self.taken.popleft()
