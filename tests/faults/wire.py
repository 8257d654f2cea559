"""Runs the three kinds of call at a fault, and compares what they did with the table."""

import asyncio
from collections.abc import Mapping
from typing import Any

from faults import wire_rows
from faults.observe import DAY, Call, Seen, cell, get, increment, observe, quick, update
from faults.server import Script, Server, serving

from exist_async import ExistClient, ValueUpdate

CALLS: dict[str, Call] = {"get": get, "update": update, "increment": increment}

SHORT = 0.35
"""Seconds that an attempt may take where the fault is that it takes for ever."""

_LONGEST = 30.0


async def compare(
    number: int, faults: Mapping[str, Script], *, once: bool = True, in_turn: bool = False, **options: Any
) -> dict[str, dict[str, Seen]]:
    """Run all calls at a fault for ever and, if so wished, once, compare them with its row, and return what was seen.

    Args:
        number: The row's number.
        faults: The fault's variants by their names, which stand in the row where one differs from the first.
        once: Whether the first variant is to be run once, too: then the service behaves.
        in_turn: Whether the calls are run one by one, and not together.
        **options: Those of the client.
    """
    runs = {
        (kind, name): run(call, script, times, **options)
        for kind, call in CALLS.items()
        for name, script, times in [
            *((name, script, -1) for name, script in faults.items()),
            *([("once", next(iter(faults.values())), 1)] if once else []),
        ]
    }
    if in_turn:
        seen = [await one for one in runs.values()]
    else:
        seen = await asyncio.gather(*runs.values())
    by_kind: dict[str, dict[str, Seen]] = {kind: {} for kind in CALLS}
    for (kind, name), one in zip(runs, seen, strict=True):
        by_kind[kind][name] = one
    compare_cells(number, by_kind)
    return by_kind


def compare_cells(number: int, seen: Mapping[str, Mapping[str, Seen]]) -> None:
    """Compare what was seen of each kind of call with a row of the table.

    The first variant is the fault itself, and comes without its name, as do those that end alike.
    """
    row = wire_rows.row(number)
    expected = {"get": row.get, "update": row.update, "increment": row.increment}
    assert {kind: cell(_named(variants)) for kind, variants in seen.items()} == expected


def _named(variants: Mapping[str, Seen]) -> dict[str, Seen]:
    (_, first), *others = variants.items()
    return {"": first, **{name: one for name, one in others if str(one) != str(first)}}


async def run(call: Call, script: Script, times: int = -1, **options: Any) -> Seen:
    """Make a call to a service that misbehaves, and see to it that the client is in good health afterwards."""
    async with serving(script, times) as server, quick(server.url, **options) as client:
        seen = await see(client, call, server)
        assert server.connections == seen.attempts
        await check_health(client, server)
    return seen


async def see(client: ExistClient, call: Call, server: Server) -> Seen:
    """Make a call, and say what it did; of a write, how much was carried out, too."""
    applied_count = None if call is get else server.applied_count
    return await asyncio.wait_for(observe(client, call, applied_count), _LONGEST)


async def check_health(client: ExistClient, server: Server) -> None:
    """Check that the next calls get the answers that are theirs."""
    server.behave()
    patient = client.with_options(timeout=_LONGEST)
    echo = await patient.values.update([ValueUpdate("mood", DAY, 7)])
    assert [value.name for value in echo.succeeded] == ["mood"]
    assert (await get(patient)).username == "ada"
