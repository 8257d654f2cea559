"""Users share the connections of one client fairly, on real sockets."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from attrs import define, field

from exist_async import ConnectionFailedError, ExistClient
from exist_async._concurrency import FairQueue
from support import until

RawServer = Callable[[Any], Any]

PROFILE = b'{"username": "ada"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PROFILE) + PROFILE


@define
class Service:
    """A service that answers when it is told to.

    Attributes:
        received: The user of each request, in the order of arrival.
        unanswered: The requests that wait for an answer, each with its user.
    """

    received: list[str] = field(factory=list)
    unanswered: list[tuple[str, asyncio.Event]] = field(factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            user = head.partition(b"Bearer ")[2].partition(b"\r\n")[0].decode()
            answered = asyncio.Event()
            self.received.append(user)
            self.unanswered.append((user, answered))
            await answered.wait()
            writer.write(ANSWER)
            await writer.drain()

    def answer(self, user: str) -> None:
        """Answer the oldest request of a user."""
        index = [known for known, _ in self.unanswered].index(user)
        self.unanswered.pop(index)[1].set()

    async def receive(self, *users: str) -> None:
        """Wait until the next request has arrived, and check that these users sent all of them so far."""
        await until(lambda: len(self.received) >= len(users))
        assert self.received == [*users]


async def settle() -> None:
    """Let calls proceed as far as they can without the network."""
    for _ in range(100):
        await asyncio.sleep(0)


@asynccontextmanager
async def shared(raw_server: RawServer, connections: int, **options: Any) -> AsyncGenerator[tuple[Service, Any], None]:
    """A service, and a function that starts calls of a user over the connections that all users share."""
    service = Service()
    calls: list[asyncio.Task[Any]] = []
    async with (
        raw_server(service.talk) as url,
        ExistClient("nobody", base_url=url, max_connections=connections, max_retries=0, **options) as client,
    ):

        def start(user: str, count: int = 1, **options: Any) -> list[asyncio.Task[Any]]:
            view = client.with_options(auth=user, **options)
            started = [asyncio.create_task(view.profile.get()) for _ in range(count)]
            calls.extend(started)
            return started

        # The first call of all loads libraries in a thread; the order of those that wait for it is not theirs.
        start("first")
        await service.receive("first")
        service.answer("first")
        await asyncio.wait(calls)
        service.received.clear()
        yield service, start
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        for _, answered in service.unanswered:
            answered.set()


async def test_a_user_without_a_connection_gets_the_next_one_however_many_calls_another_has(
    raw_server: RawServer,
) -> None:
    async with shared(raw_server, 2) as (service, start):
        start("busy", 50)
        await service.receive("busy", "busy")
        (single,) = start("single")
        await settle()
        service.answer("busy")
        await service.receive("busy", "busy", "single")
        service.answer("single")

        assert (await single).username == "ada"


async def test_slow_calls_of_one_user_slow_down_no_other_user(raw_server: RawServer) -> None:
    async with shared(raw_server, 2) as (service, start):
        start("slow", 50)
        await service.receive("slow", "slow")
        quick = start("quick", 5)
        await settle()
        service.answer("slow")
        # The slow user holds one connection all the time. The other is not given back to it after each quick call.
        for n in range(1, 6):
            await service.receive("slow", "slow", *["quick"] * n)
            service.answer("quick")

        await asyncio.gather(*quick)


async def test_users_who_hold_equally_many_connections_take_turns(raw_server: RawServer) -> None:
    expected = ["ann", *["ann", "ben", "cat"] * 2, "ben", "cat"]
    async with shared(raw_server, 1) as (service, start):
        for user in ("ann", "ben", "cat"):
            start(user, 3)
        await settle()
        for n, user in enumerate(expected, start=1):
            await service.receive(*expected[:n])
            service.answer(user)


async def test_a_user_who_is_alone_uses_every_connection_and_calls_keep_their_order(raw_server: RawServer) -> None:
    async with shared(raw_server, 3) as (service, start):
        calls = start("alone", 9)
        for n in range(9):
            await service.receive(*["alone"] * min(9, n + 3))
            assert [call.done() for call in calls] == [True] * n + [False] * (9 - n)
            service.answer("alone")
            await calls[n]


async def test_waiting_too_long_leaves_the_queue_to_the_others(raw_server: RawServer) -> None:
    async with shared(raw_server, 1) as (service, start):
        start("busy", 2)
        await service.receive("busy")
        (impatient,) = start("impatient", timeout=0.05)
        with pytest.raises(ConnectionFailedError, match="no connection became free in time"):
            await impatient
        service.answer("busy")

        await service.receive("busy", "busy")


@pytest.mark.parametrize("seed", range(3))
async def test_callers_who_hang_up_at_any_moment_take_no_connection_with_them(raw_server: RawServer, seed: int) -> None:
    chance = random.Random(seed)
    async with shared(raw_server, 4, rate_limiter=None) as (service, start):
        calls: list[asyncio.Task[Any]] = []
        for _ in range(300):
            calls += start(chance.choice(["ann", "ben", "cat"]))
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            if service.unanswered and chance.random() < 0.6:
                # The call that is cancelled may be the one that is handed the connection in the same step.
                service.unanswered.pop(0)[1].set()
            if chance.random() < 0.7:
                chance.choice(calls).cancel()
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        service.received.clear()
        start("new", 9)

        await until(lambda: service.received.count("new") == 4)


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_a_call_cancelled_in_the_step_that_hands_it_a_connection_passes_it_on(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch, cancelled_first: bool
) -> None:
    hand_over = FairQueue.hand_over

    def cancel_too(queue: FairQueue, held: dict[Hashable, int]) -> bool:
        if cancelled_first:
            second.cancel()
        handed_over = hand_over(queue, held)
        second.cancel()
        return handed_over

    async with shared(raw_server, 1) as (service, start):
        (_, second, third) = [start(user)[0] for user in ("ann", "ben", "cat")]
        await service.receive("ann")
        monkeypatch.setattr(FairQueue, "hand_over", cancel_too)
        service.answer("ann")

        await service.receive("ann", "cat")
        service.answer("cat")
        assert (await third).username == "ada"
        assert second.cancelled()
