"""The moving window: counts a user's requests of the last period and calculates the wait for the next."""

from collections import deque
from collections.abc import Iterable


class Window:
    """The times of one user's requests in the last period, oldest first, and the time until which others are held.

    A request counts for a period after its answer, because the service counted it at some time before that. One that is
    in flight has a time that is still to come: the time at which it is given up.
    """

    __slots__ = ("_limit", "_period", "held_until", "in_flight", "taken")

    def __init__(self, limit: int, period: float, taken: Iterable[float] = (), held_until: float = 0.0) -> None:
        self._limit = limit
        self._period = period
        self.taken = deque(taken)
        self.in_flight = deque[float]()
        self.held_until = held_until

    def wait(self, now: float, ahead: int = 0) -> float:
        """Return the seconds until a request can be sent when `ahead` others are sent before it; 0 means now."""
        self._drop_expired(now)
        free = self._limit - len(self.taken) - len(self.in_flight)
        opens_at = self.held_until
        if ahead >= free:
            # Each request takes the slot of one that expires, in order; those beyond a whole budget take the slots of
            # the first. A process with a larger limit can have put more into a shared window than `limit`.
            rounds, place = divmod(ahead - max(free, 0), self._limit)
            index = place + max(-free, 0)
            # A request that is in flight can be answered now, but not before.
            expiring = min(self.taken[index], now) if index < len(self.taken) else now
            opens_at = max(opens_at, expiring + (rounds + 1) * self._period)
        return max(opens_at - now, 0.0)

    def free(self, now: float) -> int:
        """Return the number of requests that can be sent now."""
        self._drop_expired(now)
        return 0 if now < self.held_until else max(0, self._limit - len(self.taken) - len(self.in_flight))

    def is_empty(self, now: float) -> bool:
        """Whether no request is counted or held, so that the window can be forgotten."""
        self._drop_expired(now)
        return not self.taken and not self.in_flight and self.held_until <= now

    def _drop_expired(self, now: float) -> None:
        while self.taken and self.taken[0] + self._period <= now:
            self.taken.popleft()
        while self.in_flight and self.in_flight[0] + self._period <= now:
            self.in_flight.popleft()
