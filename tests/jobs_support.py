"""A service with some users whose tokens are stored, and jobs for them."""

import datetime as dt
from typing import Any

from exist_async import MemoryTokenStore, OAuthToken, ValueIncrement, ValueUpdate
from exist_async.jobs import SyncJob
from exist_async.sandbox import Sandbox

DAY = dt.date(2026, 11, 20)
USERS = ("ada", "grace", "alan")


class Service:
    """A sandbox with users, and the store of their tokens.

    Attributes:
        sandbox: The sandbox.
        store: The token store.
    """

    def __init__(self, users: tuple[str, ...] = USERS, **options: Any) -> None:
        self.sandbox = Sandbox(**options)
        self.store = MemoryTokenStore()
        known = self.sandbox.user
        self._users = {name: known if name == known.username else self.sandbox.add_user(name) for name in users}
        for user in self._users.values():
            for template in ("steps", "coffees", "mood_note", "floors"):
                self.sandbox.add_attribute(template=template, service=self.sandbox.service, user=user)

    async def sign_in(self, *users: str) -> None:
        for name in users or self._users:
            await self.store.save(name, OAuthToken(self.sandbox.issue_token(self._users[name])))

    def values(self, user: str, name: str = "steps") -> dict[dt.date, Any]:
        """The values of a user that are not the 0 or None of a new attribute."""
        return {day: value for day, value in self.sandbox.values(name, self._users[user]).items() if value}

    @property
    def written(self) -> list[str]:
        """The paths of the requests to write, in order."""
        return [request.path for request in self.sandbox.requests if request.method == "POST"]


def update(user: str = "ada", *values: float, name: str = "steps") -> SyncJob:
    """A job that writes values of successive days."""
    days = [DAY + dt.timedelta(days=n) for n in range(len(values or (1,)))]
    return SyncJob(user, "update", [ValueUpdate(name, *each) for each in zip(days, values or (1,), strict=True)])


def increment(user: str = "ada", *values: float, name: str = "steps") -> SyncJob:
    """A job that adds values to one day."""
    return SyncJob(user, "increment", [ValueIncrement(name, value, DAY) for value in values or (1,)])
