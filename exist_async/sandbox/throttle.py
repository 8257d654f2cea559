"""Limits the requests of each token in an exact moving window."""

import math
from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["WINDOW", "Throttle", "validate_limit", "validate_period"]

WINDOW: Final = 3600.0
"""Length of Exist's window, in seconds."""


class Throttle:
    """Admits at most `limit` requests of a token in any `window` seconds; both may be set at any time."""

    def __init__(self, limit: int | None, clock: Callable[[], float], window: float = WINDOW) -> None:
        self.limit = limit
        self._clock = clock
        self.window = window
        self._admitted: dict[str, deque[float]] = {}

    def admit(self, token: str) -> float | None:
        """Count a request and return None, or return the seconds until the next free slot and count nothing."""
        if self.limit is None:
            return None
        now = self._clock()
        admitted = self._admitted.setdefault(token, deque())
        while admitted and admitted[0] <= now - self.window:
            admitted.popleft()
        if len(admitted) < self.limit:
            admitted.append(now)
            return None
        # After the limit was lowered, more than one request must leave the window before there is a slot.
        return self.window - (now - admitted[len(admitted) - self.limit])


def validate_limit(requests: int | None, name: str) -> int | None:
    """Return the limit unchanged.

    Args:
        requests: The limit, or None.
        name: Name of the argument, for the error message.

    Raises:
        ValueError: The limit is neither None nor a whole number of at least 1.
    """
    if requests is not None and (not isinstance(requests, int) or requests < 1):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"{name} must be a whole number, at least 1, or None, not {requests}")
    return requests


def validate_period(seconds: float, name: str) -> float:
    """Return the length of a window unchanged.

    Args:
        seconds: The length.
        name: Name of the argument, for the error message.

    Raises:
        ValueError: The length is not a finite number above 0.
    """
    if not 0 < seconds < math.inf:
        raise ValueError(f"{name} must be a finite number of seconds above 0, not {seconds}")
    return seconds
