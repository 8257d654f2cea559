"""Requests of syncing values of which Exist has most, against an update of all of them."""

import asyncio
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import httpx
from attrs import frozen

from benchmarks.report import OURS, Comparison, Target
from exist_async import ExistClient, ValueUpdate
from exist_async.sandbox import Sandbox

if TYPE_CHECKING:
    from benchmarks.server import Origins

_END: Final = date(2026, 11, 20)
_UPDATE: Final = "values.update"


@frozen
class _Load:
    """The number of attributes and days, how many of the values differ, and the most requests that syncing may take."""

    attributes: int
    days: int
    changes: int
    target: int

    def __str__(self) -> str:
        return f"Syncing {self.attributes} attributes x {self.days:,} days, of which {self.changes} differ"


_LOADS: Final = (_Load(20, 365, 30, 13), _Load(100, 31, 0, 1), _Load(5, 3650, 0, 118))


def run(_: "Origins") -> list[Comparison]:
    """Count the requests that reach a sandbox in this process."""
    comparisons: list[Comparison] = []
    for load in _LOADS:
        requests = {
            _UPDATE: [float(asyncio.run(_requests(load, sync=False)))],
            OURS: [float(asyncio.run(_requests(load, sync=True)))],
        }
        target = Target(load.target, of=max)
        comparisons.append(Comparison(f"{load}: requests", "requests", requests, _UPDATE, [target]))
    return comparisons


async def _requests(load: _Load, *, sync: bool) -> int:
    sandbox = Sandbox()
    rows: list[ValueUpdate] = []
    for number in range(load.attributes):
        name = f"attribute_{number}"
        sandbox.add_attribute(name=name, group="health", value_type=0, service=sandbox.service)
        values = {_END - timedelta(days=day): day for day in range(load.days)}
        sandbox.set_values(name, values)
        rows += [ValueUpdate(name, day, value) for day, value in values.items()]
    for place in range(load.changes):
        row = rows[place * len(rows) // load.changes]
        rows[place * len(rows) // load.changes] = ValueUpdate(row.name, row.date, -1)
    async with httpx.AsyncClient(transport=sandbox.transport()) as http_client:
        exist = ExistClient(sandbox.token, http_client=http_client, rate_limiter=None)
        result = await (exist.values.sync(rows) if sync else exist.values.update(rows))
    assert result.ok
    return len(sandbox.requests)
