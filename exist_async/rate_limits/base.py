"""The interface of rate limiters."""

from collections.abc import Hashable
from typing import Protocol


class RateLimiter(Protocol):
    """Counts the requests of each user and delays them. Implement it to keep the count in a store of your own."""

    async def acquire(self, user: Hashable, *, max_wait: float | None) -> None:
        """Take one slot of the user's budget; wait until one is free.

        Args:
            user: Owner of the budget: the user's name if it is known, else a hash of the token.
            max_wait: The longest wait in seconds; None waits as long as it takes.

        Raises:
            RateLimitError: No slot becomes free within `max_wait`, which is raised at once, or the number of free slots
                can't be determined.
        """

    async def refund(self, user: Hashable, *, hold: float) -> None:
        """Return the slot of a request that the service has not counted, and hold this user's requests.

        It was refused with a 429, or never sent.

        Args:
            user: Owner of the budget.
            hold: Seconds for which no further slot is given to this user; 0 for none.
        """
