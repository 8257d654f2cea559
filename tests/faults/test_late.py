"""Row 44: a service that carries out the first attempt of a write late, when it has carried out a later one."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from faults.observe import DAY, Seen, cell, observe, quick
from faults.server import Talk, answer_to, serving, whole
from faults.service_rows import row

from exist_async import ExistClient, ValueIncrement, ValueUpdate


class SlowAtFirst:
    """Keeps the first request waiting, carries it out and answers it, and all others at once: the script of a server.

    Args:
        until_another: Whether it keeps it waiting until another request was carried out; else for a moment.
    """

    def __init__(self, *, until_another: bool) -> None:
        self.received = asyncio.Event()
        self.written: list[Any] = []
        self._until_another = until_another
        self._another = asyncio.Event()

    async def __call__(self, talk: Talk) -> None:
        while True:
            request = await talk.request()
            if self.received.is_set():
                self._another.set()
            else:
                self.received.set()
                await (self._another.wait() if self._until_another else asyncio.sleep(0.05))
            talk.apply(request)
            self.written += [item["value"] for item in request.items]
            await talk.send(whole(answer_to(request)))


async def cancelled_call(service: SlowAtFirst, call: Coroutine[Any, Any, object]) -> None:
    """Make a call, and cancel it when the service has its request."""
    task = asyncio.create_task(call)
    await service.received.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_update_that_is_carried_out_late_overwrites_no_later_value_of_its_day() -> None:
    async def update(client: ExistClient, *values: int) -> Any:
        return await client.values.update([ValueUpdate("coffees", DAY, value) for value in values])

    seen: dict[str, Seen] = {}
    service = SlowAtFirst(until_another=True)
    async with serving(service) as server, quick(server.url, timeout=0.4) as client:
        seen["both in one call"] = await observe(client, lambda view: update(view, 1, 2), server.applied_count)
        # Of the values of a day only the last is sent: its attempts may well change places.
        assert service.written == [2, 2]

    service = SlowAtFirst(until_another=False)
    async with serving(service) as server, quick(server.url) as client:
        await cancelled_call(service, update(client, 1))
        seen["the caller hung up and gives the later one"] = await observe(client, lambda view: update(view, 2))
        assert service.written == [1, 2]

    assert cell(seen) == row(44).update


async def test_increments_that_are_carried_out_late_all_count() -> None:
    async def increment(client: ExistClient) -> Any:
        return await client.values.increment([ValueIncrement("coffees", 1, DAY)])

    seen: dict[str, Seen] = {}
    service = SlowAtFirst(until_another=True)
    async with serving(service) as server, quick(server.url, timeout=0.4) as client:
        seen["the first"] = await observe(client, increment)
        seen["the later one"] = await observe(client, increment)
        assert service.written == [1, 1]

    service = SlowAtFirst(until_another=False)
    async with serving(service) as server, quick(server.url) as client:
        await cancelled_call(service, increment(client))
        seen["the caller hung up and gives the later one"] = await observe(client, increment)
        assert service.written == [1, 1]

    assert cell(seen) == row(44).increment
