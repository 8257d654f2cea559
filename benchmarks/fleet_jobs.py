"""The users of the fleet, their budgets, and the two jobs of each: 100 updates, and 5 increments."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final
from uuid import UUID, uuid5

from attrs import frozen

from exist_async import ValueIncrement, ValueUpdate
from exist_async.jobs import SyncJob

UPDATED: Final = tuple(f"measure_{number}" for number in range(10))
"""The names of the attributes that are updated."""

INCREMENTED: Final = "counter"
"""The name of the attribute that is incremented."""

UPDATES: Final = 100
INCREMENTS: Final = 5
REQUESTS: Final = {"update": -(-UPDATES // 35), "increment": -(-INCREMENTS // 35)}
"""The least number of requests of a job, by its kind."""

_DAY: Final = date(2026, 11, 20)
_NAMESPACE: Final = UUID("7f0c2f0e-5d0c-4d0e-8d4f-0a6a3f6f9a51")


@frozen
class Budget:
    """A number of requests that a user may make in any period of so many seconds."""

    limit: int
    period: float


EXIST_BUDGET: Final = Budget(300, 3600.0)
_SMALL_BUDGETS: Final = {0: Budget(2, 6.0), 25: Budget(3, 6.0)}
"""The budgets of two users out of fifty, by the rest of their number: less than their jobs take at once."""

BUDGETS: Final = (EXIST_BUDGET, *_SMALL_BUDGETS.values())
"""All budgets."""


def user_name(number: int) -> str:
    """Return the name of a user."""
    return f"user-{number}"


def number_of(user: str) -> int:
    """Return the number of the user of a name."""
    return int(user.removeprefix("user-"))


def budget_of(number: int) -> Budget:
    """Return the budget of a user."""
    return _SMALL_BUDGETS.get(number % 50, EXIST_BUDGET)


def token_of(user: str) -> str:
    """Return the access token of a user."""
    return f"token-of-{user}"


def jobs_of(number: int, kinds: tuple[str, ...] = ("update", "increment")) -> Iterator[SyncJob]:
    """Yield the jobs of a user, in order."""
    user = user_name(number)
    if "update" in kinds:
        days = UPDATES // len(UPDATED)
        updates = [
            ValueUpdate(name, _DAY - timedelta(days=day), number + 10 * day + position)
            for position, name in enumerate(UPDATED)
            for day in range(days)
        ]
        yield SyncJob(user, "update", updates, id=uuid5(_NAMESPACE, f"{user} update"))
    if "increment" in kinds:
        increments = [ValueIncrement(INCREMENTED, 1, _DAY - timedelta(days=day)) for day in range(INCREMENTS)]
        yield SyncJob(user, "increment", increments, id=uuid5(_NAMESPACE, f"{user} increment"))
