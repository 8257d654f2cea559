"""Row 52: a user whose slow calls fill all connections of a client that others share."""

import asyncio

import pytest
from faults.observe import get, observe, quick
from faults.sandboxed import CALLS
from faults.server import Talk, answer_to, serving, whole
from faults.service_rows import row

from support import until

CONNECTIONS = 3
SLOW = "Bearer slow-user"


@pytest.mark.parametrize("kind", CALLS)
async def test_a_call_gets_the_next_connection_however_many_calls_another_user_has(kind: str) -> None:
    async def answer_one_user_late(talk: Talk) -> None:
        while True:
            request = await talk.applied()
            if request.headers["authorization"] == SLOW:
                await asyncio.sleep(0.02)
            await talk.send(whole(answer_to(request)))

    async with (
        serving(answer_one_user_late) as server,
        quick(server.url, max_connections=CONNECTIONS) as client,
    ):
        other = client.with_options(auth=SLOW.removeprefix("Bearer "))
        calls = [asyncio.create_task(get(other)) for _ in range(30)]
        await until(lambda: len(server.requests) == CONNECTIONS)

        seen = await observe(client, CALLS[kind], None if kind == "get" else server.applied_count)

        # One connection had to become free, and two more may have meanwhile.
        before = [request.headers["authorization"] for request in server.requests]
        assert len(before) <= 3 * CONNECTIONS
        assert before.index(next(user for user in before if user != SLOW)) < 2 * CONNECTIONS
        assert not any(call.done() and call.exception() for call in calls)
        await asyncio.gather(*calls)
        assert server.connections == CONNECTIONS

    assert str(seen) == getattr(row(52), kind)
