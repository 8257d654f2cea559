"""The caller's own code breaks: their stream, callback, auth or transport."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from exist_async import (
    AuthenticationError,
    BatchError,
    BatchResult,
    ByName,
    ConfigurationError,
    CustomAttribute,
    ExistClient,
    Outcome,
    OutcomeStatus,
    RateLimitError,
)
from exist_async.sandbox import Sandbox
from support import Answering, names, statuses, succeed, with_tags


async def test_a_stream_that_breaks_gives_its_error_and_every_outcome(exist: ExistClient, sandbox: Sandbox) -> None:
    with_tags(sandbox, 50)

    def broken() -> Iterator[ByName]:
        yield from names(40)
        raise OSError("the file is gone")

    with pytest.raises(BatchError, match="the file is gone") as caught:
        await exist.attributes.acquire(broken())

    assert caught.value.result is not None
    assert statuses(caught.value.result) == [OutcomeStatus.SUCCEEDED] * 35 + [OutcomeStatus.NOT_SENT] * 5
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.errors == (caught.value.__cause__,)


async def test_a_callback_that_breaks_stops_the_write_and_loses_nothing(answering: Answering) -> None:
    def broken(outcome: Outcome[Any, Any]) -> None:
        raise LookupError("no such progress bar")

    with pytest.raises(BatchError, match="no such progress bar") as caught:
        await answering(succeed, concurrency=1).attributes.acquire(names(100), on_outcome=broken)

    assert caught.value.result is not None
    assert statuses(caught.value.result) == [OutcomeStatus.SUCCEEDED] * 35 + [OutcomeStatus.NOT_SENT] * 65


@pytest.mark.parametrize(
    "mine", [RateLimitError("mine", retry_after=1, status_code=None), ConfigurationError("mine"), LookupError()]
)
@pytest.mark.parametrize("count", [0, 35, 40])
async def test_an_error_of_any_class_from_the_caller_s_stream_is_not_swallowed(
    answering: Answering, mine: Exception, count: int
) -> None:
    async def broken() -> AsyncIterator[ByName]:
        for name in names(count):
            yield name
        raise mine

    for write in [answering(succeed).attributes.release, answering(succeed).attributes.ensure]:
        with pytest.raises(BatchError) as caught:
            await write(broken())
        assert caught.value.__cause__ is mine
        assert caught.value.result is not None
        assert len(caught.value.result) == count


@pytest.mark.parametrize("mine", [RateLimitError("mine", retry_after=1, status_code=None), ConfigurationError("mine")])
async def test_an_error_of_any_class_from_the_caller_s_callback_is_not_swallowed(
    answering: Answering, mine: Exception
) -> None:
    def broken(outcome: Outcome[Any, Any]) -> None:
        raise mine

    with pytest.raises(BatchError) as caught:
        await answering(succeed).attributes.release(names(10), on_outcome=broken)

    assert caught.value.__cause__ is mine


async def test_what_was_read_of_a_slow_stream_when_the_write_stops_is_not_sent(answering: Answering) -> None:
    async def slow() -> AsyncIterator[ByName]:
        for name in names(45):
            yield name
        await asyncio.Event().wait()

    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401)

    with pytest.raises(AuthenticationError) as caught:
        await asyncio.wait_for(answering(refuse).attributes.acquire(slow()), 20)

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["refused"] * 35 + ["not_sent"] * 10


async def test_an_iterable_that_cannot_even_begin_is_the_caller_s_error(answering: Answering) -> None:
    class Broken:
        def __iter__(self) -> Iterator[str]:
            raise FileNotFoundError("no such list")

    for write in [answering(succeed).attributes.acquire, answering(succeed).attributes.ensure]:
        with pytest.raises(BatchError, match="no such list"):
            await write(Broken())  # type: ignore[operator]


async def test_a_stream_that_waited_for_something_cancelled_does_not_cancel_the_write(answering: Answering) -> None:
    async def broken() -> AsyncIterator[ByName]:
        for name in names(35):
            yield name
        raise asyncio.CancelledError

    with pytest.raises(BatchError, match="cancelled from inside") as caught:
        await answering(succeed).attributes.release(broken())

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["succeeded"] * 35


async def test_a_transport_that_cancels_itself_leaves_its_items_unknown(answering: Answering) -> None:
    async def cancel(request: httpx.Request) -> httpx.Response:
        raise asyncio.CancelledError

    with pytest.raises(BatchError) as caught:
        await answering(cancel).attributes.release(names(40))

    assert caught.value.result is not None
    assert set(statuses(caught.value.result)) <= {"unknown", "not_sent"}


@pytest.mark.parametrize("on_outcome", [7, "print"])
async def test_a_callback_that_cannot_be_called_is_refused_before_any_request(
    exist: ExistClient, sandbox: Sandbox, on_outcome: Any
) -> None:
    for write in [exist.attributes.acquire, exist.attributes.ensure]:
        with pytest.raises(ConfigurationError, match="on_outcome") as caught:
            await write(["steps"], on_outcome=on_outcome)
        assert caught.value.result == BatchResult(())

    assert sandbox.requests == []


@pytest.mark.parametrize("mine", [KeyError(1), StopIteration(), asyncio.CancelledError()])
async def test_a_callback_that_broke_is_not_called_again(answering: Answering, mine: BaseException) -> None:
    calls: list[int] = []

    def broken(outcome: Outcome[Any, Any]) -> None:
        calls.append(outcome.index)
        raise mine

    tags = [CustomAttribute(f"Tag {n}", "custom", 7) for n in range(3)]
    for write in [
        answering(succeed).attributes.release(names(100), on_outcome=broken),
        answering(succeed).attributes.create(tags, success_objects=False, on_outcome=broken),
    ]:
        calls.clear()
        with pytest.raises(BatchError):
            await write
        assert len(calls) == 1


async def test_one_request_that_is_cancelled_by_others_loses_no_outcome(answering: Answering) -> None:
    async def slow(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.1)
        return succeed(request)

    write = asyncio.create_task(answering(slow).attributes.release(names(40)))
    await asyncio.sleep(0.02)
    next(task for task in asyncio.all_tasks() if "run_chunks.<locals>.run" in repr(task.get_coro())).cancel()

    with pytest.raises(BatchError) as caught:
        await write
    assert caught.value.result is not None
    assert len(caught.value.result) == 40
    assert set(statuses(caught.value.result)) <= {"unknown", "succeeded"}


async def test_one_request_that_is_cancelled_by_others_before_it_is_sent_is_told_too(answering: Answering) -> None:
    told: list[int] = []
    waiting = asyncio.Event()

    class Spent:
        async def acquire(self, user: object, *, max_wait: float | None) -> None:
            waiting.set()
            await asyncio.Event().wait()

        async def refund(self, user: object, *, hold: float) -> None: ...

    client = answering(succeed, rate_limiter=Spent())
    write = asyncio.create_task(
        client.attributes.release(names(3), on_outcome=lambda outcome: told.append(outcome.index))
    )
    await waiting.wait()
    next(task for task in asyncio.all_tasks() if "run_chunks.<locals>.run" in repr(task.get_coro())).cancel()

    with pytest.raises(BatchError) as caught:
        await write
    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["not_sent"] * 3
    assert sorted(told) == [0, 1, 2]


async def test_only_the_end_of_a_stream_is_its_end(answering: Answering) -> None:
    def broken() -> Iterator[str]:
        yield "a"
        raise StopAsyncIteration("mine")

    with pytest.raises(BatchError, match="StopAsyncIteration: mine"):
        await answering(succeed).attributes.release(broken())


async def test_an_error_that_cannot_be_shown_costs_no_outcome(answering: Answering) -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise ValueError("no text")

    def broken(outcome: Outcome[Any, Any]) -> None:
        raise MuteError

    with pytest.raises(BatchError, match=r"MuteError: \(no text\)") as caught:
        await answering(succeed).attributes.release(names(3), on_outcome=broken)

    assert caught.value.result is not None
    assert caught.value.result.ok


async def test_an_error_of_the_caller_s_own_auth_reaches_them_with_every_outcome() -> None:
    class Broken(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Any:
            raise KeyError("no token for this user")
            yield

    http_client = httpx.AsyncClient(transport=httpx.MockTransport(succeed))
    with pytest.raises(BatchError, match="no token for this user") as caught:
        await ExistClient(Broken(), http_client=http_client).attributes.acquire(names(500))

    assert caught.value.result is not None
    assert len(caught.value.result) == 500
