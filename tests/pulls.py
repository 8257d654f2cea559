"""Helpers of the tests that pull into mirrors: a sandbox with a date of its own, and what it and a mirror have."""

import datetime as dt
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import define, field

from exist_async import ExistClient
from exist_async.mirror import Mirror, PullReport
from exist_async.sandbox import Sandbox

TODAY = dt.date(2026, 11, 20)
MORNING = dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC)

Values = dict[str, dict[dt.date, Any]]


def ago(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days)


@define
class Service:
    """A sandbox whose time passes only when a test says so, with a client, and a mirror of its user."""

    sandbox: Sandbox
    exist: ExistClient
    mirror: Mirror
    _time: list[dt.datetime]
    requests: int = field(init=False, default=0)  # of the last pull
    asked: Counter[str] = field(init=False, factory=Counter[str])  # by path

    @property
    def today(self) -> dt.date:
        return self.sandbox.user.local_time(self._time[0]).date()

    @property
    def now(self) -> dt.datetime:
        return self._time[0]

    def sleep(self, **time: float) -> None:
        self._time[0] += dt.timedelta(**time)

    def track(self, count: int, days: int, *, first: int = 0, every: int = 1) -> list[str]:
        """Give the user attributes with a value on each of the last days, or on every few of them."""
        names = [f"thing_{number:03}" for number in range(first, first + count)]
        for number, name in enumerate(names, first):
            self.sandbox.add_attribute(name=name, group="health", value_type=0)
            values = {self.today - dt.timedelta(days=day): number * 1000 + day for day in range(0, days, every)}
            self.sandbox.set_values(name, values)
        return names

    async def pull(self, **options: Any) -> PullReport:
        """Pull values into the mirror, and check that the report has the right number of requests."""
        before = len(self.sandbox.requests)
        try:
            report = await self.mirror.pull(self.exist, **{"parts": (), **options})
        finally:
            self.requests = len(self.sandbox.requests) - before
            self.asked = Counter(request.path for request in list(self.sandbox.requests)[before:])
        assert report.requests == self.requests
        return report

    def expected(self, since: dt.date = dt.date.min) -> Values:
        """Return the values that the sandbox has since a day."""
        values = {
            attribute.name: {day: value for day, value in self.sandbox.values(attribute.name).items() if day >= since}
            for attribute in self.sandbox.user.attributes
        }
        return {name: of_name for name, of_name in values.items() if of_name}

    async def stored(self) -> Values:
        return await values_of(self.mirror)


async def values_of(mirror: Mirror) -> Values:
    """Return the values of a mirror."""
    values: Values = {}
    async for name, value in mirror.history():
        if value.value is not None:
            values.setdefault(name, {})[value.date] = value.value
    return values


async def rows_of(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query, as another program reads the file."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()
