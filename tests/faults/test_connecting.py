"""Faults of connections: none comes about, or it ends before an answer."""

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

import pytest
from faults.observe import DAY, Call, Seen, get, increment, observe, quick
from faults.server import Script, Server, Talk, answer_to, serving, whole
from faults.wire import CALLS, SHORT, check_health, compare, compare_cells, see

from exist_async import (
    ConnectionFailedError,
    ExistClient,
    NoAnswerError,
    OutcomeUnknownError,
    ValueIncrement,
)

pytestmark = pytest.mark.usefixtures("nothing_left")


async def accept_then_reset(talk: Talk) -> None:
    talk.reset()


async def accept_then_close(talk: Talk) -> None:
    talk.writer.close()


async def reset_after_applying(talk: Talk) -> None:
    await talk.applied()
    talk.reset()


async def close_after_reading(talk: Talk) -> None:
    await talk.request()


def bound() -> socket.socket:
    """Return a socket that has a port and does not listen."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


def url_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def forever_and_once(
    listening: Callable[[ExitStack], socket.socket], **options: Any
) -> dict[str, dict[str, Seen]]:
    """Make each call to a port that lets nobody in, and to one where a service comes up after the first attempt."""

    async def forever(call: Call, listener: socket.socket) -> Seen:
        async with quick(url_of(listener), **options) as client:
            return await observe(client, call, None if call is get else lambda: 0)

    async def once(call: Call, listener: socket.socket) -> Seen:
        async with (
            ServingLater(listener) as later,
            quick(url_of(listener), sleep=later.begin, **options) as client,
        ):
            seen = await see(client, call, later.server)
            await check_health(client, later.server)
            return seen

    with ExitStack() as stack:
        runs = {
            (kind, name): one(call, listening(stack))
            for kind, call in CALLS.items()
            for name, one in [("", forever), ("once", once)]
        }
        seen = dict(zip(runs, await asyncio.gather(*runs.values()), strict=True))
    return {kind: {name: seen[kind, name] for name in ("", "once")} for kind in CALLS}


class ServingLater:
    """A service that begins to serve when a client waits for its second attempt."""

    def __init__(self, listener: socket.socket) -> None:
        self.server = Server()
        self._listener = listener
        self._serving: Any = None

    async def begin(self, seconds: float) -> None:
        self._serving = serving(listener=self._listener, server=self.server)
        await self._serving.__aenter__()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._serving.__aexit__(None, None, None)


async def test_a_refused_connection_is_tried_again_by_every_call() -> None:
    seen = await forever_and_once(lambda stack: stack.enter_context(bound()))

    compare_cells(1, seen)
    assert type(seen["increment"][""].error) is ConnectionFailedError


async def test_a_name_that_is_not_found_is_looked_up_again_by_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = socket.getaddrinfo, 0

    def not_found(host: Any, *args: Any, **options: Any) -> Any:
        nonlocal failures
        if host == "exist.localhost" and failures > 0:
            failures -= 1
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real("127.0.0.1" if host == "exist.localhost" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    seen: dict[str, dict[str, Seen]] = {kind: {} for kind in CALLS}
    async with serving() as server:
        url = server.url.replace("127.0.0.1", "exist.localhost")
        for kind, call in CALLS.items():
            for name, times in [("", 100), ("once", 1)]:
                failures = times
                # What was found once is remembered, so each has a client of its own.
                async with quick(url) as client:
                    seen[kind][name] = await see(client, call, server)
                    failures = 0
                    await check_health(client, server)

    compare_cells(2, seen)
    assert type(seen["increment"][""].error) is ConnectionFailedError


def black_hole(stack: ExitStack) -> socket.socket:
    """Return a socket whose backlog is full, so that the kernel answers no connection any more."""
    listener = stack.enter_context(bound())
    listener.listen(0)
    for _ in range(20):
        filler = stack.enter_context(socket.socket())
        filler.settimeout(0.05)
        if filler.connect_ex(listener.getsockname()) in (errno.EAGAIN, errno.ETIMEDOUT, errno.EINPROGRESS):
            filler.close()
            return listener
    pytest.skip("this machine's kernel lets connections in beyond a listener's backlog: no black hole to be had")


async def test_a_connection_that_nobody_answers_is_given_up_and_tried_again_by_every_call() -> None:
    seen = await forever_and_once(black_hole, timeout=SHORT)

    compare_cells(3, seen)
    assert type(seen["increment"][""].error) is ConnectionFailedError


async def test_no_further_attempt_at_a_connection_that_nobody_answers_begins_after_the_deadline() -> None:
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        listener = black_hole(stack)
        async with quick(url_of(listener), timeout=SHORT / 2, deadline=SHORT, max_retries=1000) as client:
            start = loop.time()
            with pytest.raises(ConnectionFailedError) as caught:
                await increment(client)
            took = loop.time() - start

    assert caught.value.result is not None
    assert len(caught.value.result.not_sent) == 1
    assert took < 10


async def test_a_connection_that_is_reset_when_it_is_made_leaves_an_increment_unknown() -> None:
    seen = await compare(5, {"": accept_then_reset})

    assert type(seen["get"][""].error) is NoAnswerError
    assert type(seen["increment"][""].error) is OutcomeUnknownError


async def test_a_connection_that_is_closed_when_it_is_made_leaves_an_increment_unknown() -> None:
    await compare(6, {"": accept_then_close})


async def test_a_reset_after_the_request_was_carried_out_leaves_it_unknown_and_done_once() -> None:
    seen = await compare(7, {"": reset_after_applying})

    error = seen["increment"][""].error
    assert isinstance(error, OutcomeUnknownError)
    assert not error.repeatable


async def test_a_service_that_hangs_up_after_reading_leaves_an_increment_unknown() -> None:
    await compare(8, {"": close_after_reading})


async def answer_then_hang_up_on_the_next(talk: Talk) -> None:
    await talk.send(whole(answer_to(await talk.applied())))
    await talk.request()


async def answer_then_reset_on_the_next(talk: Talk) -> None:
    await talk.send(whole(answer_to(await talk.applied())))
    await talk.request()
    talk.reset()


async def answer_then_hang_up(talk: Talk) -> None:
    await talk.send(whole(answer_to(await talk.applied())))


@pytest.mark.parametrize("script", [answer_then_hang_up_on_the_next, answer_then_reset_on_the_next])
async def test_a_reused_connection_that_drops_is_not_used_again_behind_anybody_s_back(script: Script) -> None:
    seen: dict[str, dict[str, Seen]] = {kind: {} for kind in CALLS}
    for kind, call in CALLS.items():
        async with serving(script, 1) as server, quick(server.url) as client:
            await get(client)
            seen[kind][""] = await see(client, call, server)
            assert len(server.requests) == 1 + seen[kind][""].attempts
            await check_health(client, server)
            assert server.connections == 2
        async with serving(answer_then_hang_up) as server, quick(server.url) as client:
            await get(client)
            seen[kind]["while nobody used it"] = await see(client, call, server)
            assert server.connections == 2
            await check_health(client, server)

    compare_cells(9, seen)


async def test_of_three_requests_the_one_that_is_lost_is_unknown_and_the_others_count() -> None:
    items = [ValueIncrement(f"tag_{n}", 1, DAY) for n in range(80)]

    async def write(client: ExistClient) -> Any:
        return await client.values.increment(items)

    async with serving(reset_after_applying, 1) as server, quick(server.url, max_connections=1) as client:
        seen = await see(client, write, server)
        await check_health(client, server)

    assert str(seen) == "35 unknown, 45 succeeded after 3 attempts, applied 80"
