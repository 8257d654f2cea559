"""Counts a token's requests in an exact moving window."""

import math
from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["WINDOW", "Throttle"]

WINDOW: Final = 3600.0
"""Seconds over which requests are counted."""


class Throttle:
    """Lets in at most `limit` requests of a token within any 3,600 seconds; `limit` may be set at any time."""

    def __init__(self, limit: int | None, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._clock = clock
        self._admitted: dict[str, deque[float]] = {}

    def admit(self, token: str) -> int | None:
        """Count a request and return None, or refuse it and return the whole seconds until the next free slot."""
        if self.limit is None:
            return None
        now = self._clock()
        admitted = self._admitted.setdefault(token, deque())
        while admitted and admitted[0] <= now - WINDOW:
            admitted.popleft()
        if len(admitted) < self.limit:
            admitted.append(now)
            return None
        # After the limit was lowered, more than the oldest have to leave before there is a slot.
        return math.ceil(WINDOW - (now - admitted[len(admitted) - self.limit]))
