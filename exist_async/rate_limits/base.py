"""The interface that the client needs of a rate limiter."""

from collections.abc import Hashable
from typing import Protocol


class RateLimiter(Protocol):
    """Counts requests user by user and delays them. Implement it to keep the budget where your processes share it."""

    async def acquire(self, user: Hashable, *, max_wait: float | None) -> None:
        """Take one slot of the user's budget; wait until one is free.

        Args:
            user: Owner of the budget: the user's name where it is known, else a stand-in for the token.
            max_wait: The longest wait in seconds; None waits as long as it takes.

        Raises:
            RateLimitError: No slot becomes free within `max_wait`; it is raised at once, not after the wait. Or the
                number of free slots can't be determined.
        """
        ...

    async def refund(self, user: Hashable, *, hold: float) -> None:
        """Return the slot of a request refused with a 429, and hold this user's requests for `hold` seconds."""
        ...
