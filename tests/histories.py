"""Helpers of the tests of histories."""

import datetime as dt
from collections import defaultdict
from typing import Any

from exist_async import DayValue
from exist_async.sandbox import Sandbox
from exist_async.values.history import History

END = dt.date(2026, 11, 20)
WITH_VALUES = "/api/2/attributes/with-values/"
VALUES = "/api/2/attributes/values/"


def track(sandbox: Sandbox, count: int, days: int, **options: Any) -> dict[str, list[DayValue]]:
    """Give the user attributes with a value on each day, and return what their history is."""
    tracked = {}
    for n in range(count):
        name = f"thing_{n:03}"
        sandbox.add_attribute(name=name, group="health", value_type=0, **options)
        values = {END - dt.timedelta(days=day): n * 1000 + day for day in range(days)}
        sandbox.set_values(name, values)
        tracked[name] = [DayValue(date, value) for date, value in values.items()]
    return tracked


async def read(history: History) -> dict[str, list[DayValue]]:
    found = defaultdict(list)
    async for name, value in history:
        found[name].append(value)
    return dict(found)


def back(days: int) -> dt.date:
    """Return the first of so many days."""
    return END - dt.timedelta(days=days - 1)


def asked(sandbox: Sandbox, path: str) -> int:
    return [request.path for request in sandbox.requests].count(path)
