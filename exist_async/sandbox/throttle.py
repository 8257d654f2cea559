"""Counts a token's requests in an exact moving window."""

from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["WINDOW", "Throttle", "checked_limit"]

WINDOW: Final = 3600.0
"""Seconds over which Exist counts requests."""


class Throttle:
    """Lets in at most `limit` requests of a token within any `window` seconds; `limit` may be set at any time."""

    def __init__(self, limit: int | None, clock: Callable[[], float], window: float = WINDOW) -> None:
        self.limit = limit
        self._clock = clock
        self._window = window
        self._admitted: dict[str, deque[float]] = {}

    def admit(self, token: str) -> float | None:
        """Count a request and return None, or refuse it and return the seconds until the next free slot."""
        if self.limit is None:
            return None
        now = self._clock()
        admitted = self._admitted.setdefault(token, deque())
        while admitted and admitted[0] <= now - self._window:
            admitted.popleft()
        if len(admitted) < self.limit:
            admitted.append(now)
            return None
        # After the limit was lowered, more than the oldest have to leave before there is a slot.
        return self._window - (now - admitted[len(admitted) - self.limit])


def checked_limit(requests: int | None, name: str) -> int | None:
    """Return a limit that makes sense.

    Raises:
        ValueError: It does not; the message has the name.
    """
    if requests is not None and (not isinstance(requests, int) or requests < 1):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"{name} must be a whole number, at least 1, or None, not {requests}")
    return requests
