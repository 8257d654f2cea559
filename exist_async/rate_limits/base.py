"""What the client asks of a rate limiter."""

from collections.abc import Hashable
from typing import Protocol


class RateLimiter(Protocol):
    """Lets requests in, user by user. Implement it to keep the budget wherever your processes can share it."""

    async def acquire(self, user: Hashable, *, max_wait: float | None) -> None:
        """Take one slot of the user's budget; wait for it where there is none.

        Args:
            user: Whose budget: the user's name where it is known, else something that stands for the token.
            max_wait: The longest wait in seconds; None waits as long as it takes.

        Raises:
            RateLimitError: No slot comes free within `max_wait`, which is known at once and not after the wait. Or
                nobody can say how many are left.
        """
        ...

    async def refund(self, user: Hashable, *, hold: float) -> None:
        """Give a slot back that the service refused with a 429, and let none of this user's in for `hold` seconds."""
        ...
