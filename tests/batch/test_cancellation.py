"""Writes whose callers are cancelled: what is under way ends by itself and is told, and nothing more begins."""

import asyncio
import gc
import json
import logging
from collections.abc import AsyncGenerator, Callable, Generator
from datetime import date
from typing import Any

import httpx
import pytest

from exist_async import (
    BatchError,
    ByName,
    ClientClosedError,
    DeadlineExceededError,
    ExistClient,
    Outcome,
    OutcomeStatus,
    ValueIncrement,
    ValueUpdate,
)
from exist_async.sandbox import Sandbox
from support import names, succeed, until

Answering = Callable[..., ExistClient]

DAY = date(2026, 11, 20)


class Service:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.requests = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        self.asked.set()
        await self.may_answer.wait()
        return succeed(request)


async def cancelled(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancelled_write_returns_at_once_and_its_request_ends_by_itself(answering: Answering) -> None:
    service, told = Service(), list[Outcome[Any, Any]]()
    client = answering(service)
    write = asyncio.create_task(client.attributes.release(names(40), on_outcome=told.append))
    await service.asked.wait()

    await cancelled(write)
    assert told == []
    service.may_answer.set()
    await client.aclose()

    assert sorted(outcome.index for outcome in told) == list(range(40))
    assert {outcome.status for outcome in told} == {OutcomeStatus.SUCCEEDED}
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_after_a_cancellation_no_further_request_begins(answering: Answering) -> None:
    service, told = Service(), list[Outcome[Any, Any]]()
    client = answering(service, concurrency=2)
    write = asyncio.create_task(client.attributes.release(names(350), on_outcome=told.append))
    await service.asked.wait()

    await cancelled(write)
    service.may_answer.set()
    await client.aclose()

    assert service.requests == 2
    assert len(told) == 70


async def test_how_it_ended_goes_to_the_log(answering: Answering, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        failed = [{"name": "tag_0", "error_code": "unauthorised", "error": "Not yours"}]
        return httpx.Response(202, json={"success": [{"name": "tag_1"}], "failed": failed})

    service = Service()

    async def answer(request: httpx.Request) -> httpx.Response:
        await service(request)
        return refuse(request)

    client = answering(answer)
    write = asyncio.create_task(client.attributes.release(names(2)))
    await service.asked.wait()
    await cancelled(write)
    with caplog.at_level(logging.INFO, "exist_async"):
        service.may_answer.set()
        await client.aclose()

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "INFO"]
    summary, *items = [record.getMessage() for record in caplog.records]
    assert "attributes/release/ was cancelled while it was in flight" in summary
    assert "2 items: 1 refused, 1 succeeded. ByName(name='tag_0'" in summary
    assert items[0].endswith("refused, unauthorised: Not yours")
    assert items[1].endswith("succeeded")


async def test_what_was_done_already_goes_to_the_log_too(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    second = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if b"tag_35" in request.content:
            second.set()
            await asyncio.sleep(0.01)
        return succeed(request)

    client = answering(answer, concurrency=1)
    write = asyncio.create_task(client.attributes.release(names(70)))
    with caplog.at_level(logging.INFO, "exist_async"):
        await second.wait()
        await cancelled(write)
        await client.aclose()

    lines = [record.getMessage() for record in caplog.records]
    assert "was cancelled. Its known outcomes: 35 items: 35 succeeded" in lines[0]
    assert sorted(int(line[6 : line.index("]")]) for line in lines if line.startswith("items[")) == list(range(70))


async def test_a_late_answer_that_never_comes_is_unknown_in_the_log(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    asked = asyncio.Event()

    async def drop(request: httpx.Request) -> httpx.Response:
        asked.set()
        await asyncio.sleep(0.01)
        raise httpx.ReadError("reset")

    client = answering(drop)
    write = asyncio.create_task(client.values.increment([ValueIncrement("coffees", 1, DAY)]))
    await asked.wait()
    await cancelled(write)
    with caplog.at_level(logging.INFO, "exist_async"):
        await client.aclose()

    assert "and finished: 1 items: 1 unknown" in caplog.text


async def test_a_callback_that_raises_when_it_is_told_late_is_logged(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service()

    def broken(outcome: Outcome[Any, Any]) -> None:
        raise LookupError("no such progress bar")

    client = answering(service)
    write = asyncio.create_task(client.attributes.release(names(1), on_outcome=broken))
    await service.asked.wait()
    await cancelled(write)
    service.may_answer.set()
    await client.aclose()

    assert "on_outcome raised LookupError: no such progress bar" in caplog.text


async def test_a_cancelled_call_of_an_endpoint_without_a_method_ends_by_itself_too(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service()
    client = answering(service)
    call = asyncio.create_task(client.request("POST", "attributes/release/", json=[]))
    await service.asked.wait()
    await cancelled(call)
    with caplog.at_level(logging.INFO, "exist_async"):
        service.may_answer.set()
        await client.aclose()

    assert "POST /api/2/attributes/release/ was cancelled while it was in flight. It succeeded." in caplog.text


async def test_a_cancelled_read_is_cut_short(answering: Answering) -> None:
    service = Service()
    read = asyncio.create_task(answering(service).profile.get())
    await service.asked.wait()

    await cancelled(read)

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_was_lost_before_the_cancellation_is_told_as_unknown(answering: Answering, clock: Any) -> None:
    told: list[Outcome[Any, Any]] = []
    waiting = asyncio.Event()

    async def wait(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    def drop(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset")

    client = answering(drop, sleep=wait)
    write = asyncio.create_task(client.attributes.release(names(2), on_outcome=told.append))
    await waiting.wait()

    await cancelled(write)

    assert [outcome.status for outcome in told] == [OutcomeStatus.UNKNOWN] * 2


@pytest.mark.parametrize("status", [200, 429, 403])
async def test_a_repeat_that_is_cancelled_is_told_once_and_with_what_was_lost_before(
    answering: Answering, status: int
) -> None:
    told: list[Outcome[Any, Any]] = []
    service = Service()

    async def lost_at_first(request: httpx.Request) -> httpx.Response:
        if not told_first:
            told_first.append(True)
            raise httpx.ReadError("reset")
        answer = await service(request)
        return answer if status == 200 else httpx.Response(status, headers={"Retry-After": "1"})

    told_first: list[bool] = []
    client = answering(lost_at_first)
    write = asyncio.create_task(client.attributes.release(names(2), on_outcome=told.append))
    await service.asked.wait()

    await cancelled(write)
    assert told == []
    service.may_answer.set()
    await client.aclose()

    expected = OutcomeStatus.SUCCEEDED if status == 200 else OutcomeStatus.UNKNOWN
    assert [outcome.status for outcome in told] == [expected] * 2


async def test_what_waits_for_the_budget_is_cut_short_and_was_not_sent(answering: Answering) -> None:
    told: list[Outcome[Any, Any]] = []
    waiting = asyncio.Event()

    class Spent:
        async def acquire(self, user: object, *, max_wait: float | None) -> None:
            waiting.set()
            await asyncio.Event().wait()

        async def refund(self, user: object, *, hold: float) -> None: ...

    client = answering(succeed, rate_limiter=Spent())
    write = asyncio.create_task(client.attributes.release(names(2), on_outcome=told.append))
    await waiting.wait()

    await cancelled(write)
    await client.aclose()

    assert told == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_write_that_outlives_its_caller_but_not_its_event_loop_is_told_as_unknown(answering: Answering) -> None:
    told: list[Outcome[Any, Any]] = []

    async def main() -> None:
        service = Service()
        write = asyncio.create_task(answering(service).attributes.release(names(2), on_outcome=told.append))
        await service.asked.wait()
        await cancelled(write)

    asyncio.run(main())

    assert [outcome.status for outcome in told] == [OutcomeStatus.UNKNOWN] * 2
    assert "its event loop ended before an answer came" in str(told[0].cause)


async def test_an_error_of_the_caller_s_own_auth_after_the_cancellation_is_told(answering: Answering) -> None:
    class Broken(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            yield request
            raise LookupError("the answer has no signature")

    service, told = Service(), list[Outcome[Any, Any]]()
    client = answering(service).with_options(auth=Broken())
    write = asyncio.create_task(client.attributes.release(names(1), on_outcome=told.append))
    await service.asked.wait()
    await cancelled(write)
    service.may_answer.set()
    await until(lambda: told)

    assert told[0].status is OutcomeStatus.UNKNOWN
    assert repr(told[0].cause) == "LookupError('the answer has no signature')"


async def test_what_a_cancelled_write_raises_before_it_is_sent_is_not_reported_as_never_retrieved() -> None:
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["message"]))
    signing = asyncio.Event()

    class Vault(httpx.Auth):
        async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            signing.set()
            try:
                await asyncio.Event().wait()
            finally:
                raise LookupError("the vault is closed")
            yield request

    async with ExistClient(Vault(), base_url="http://127.0.0.1:9") as client:
        write = asyncio.create_task(client.attributes.release(names(1)))
        await signing.wait()
        write.cancel()
        await asyncio.wait([write])
    del write
    gc.collect()

    assert reported == []


async def test_over_a_socket_increments_of_cancelled_callers_are_applied_and_told() -> None:
    slow = Sandbox(latency=0.05)
    slow.add_attribute(template="coffees", service=slow.service)
    told: list[Outcome[Any, Any]] = []

    async with slow.serve() as url, ExistClient(slow.token, base_url=url, max_connections=4) as client:
        for delay in (0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06):
            write = asyncio.create_task(
                client.values.increment([ValueIncrement("coffees", 1, DAY)] * 3, on_outcome=told.append)
            )
            await asyncio.sleep(delay)
            write.cancel()
            await asyncio.wait([write])

    succeeded = [outcome for outcome in told if outcome.status is OutcomeStatus.SUCCEEDED]
    assert len(succeeded) == len(told)
    assert slow.values("coffees").get(DAY, 0) == len(succeeded)


async def test_closing_waits_for_writes_no_longer_than_the_timeout(raw_server: Any) -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(never) as url:
        client = ExistClient("a-token", base_url=url, timeout=0.2, max_retries=0)
        write = asyncio.create_task(client.attributes.release(names(1)))
        await asyncio.sleep(0.1)
        write.cancel()
        async with asyncio.timeout(5):
            await client.aclose()
        await asyncio.wait([write])


# The next write, while one goes on without its caller


def update(value: int, name: str = "mood") -> ValueUpdate:
    return ValueUpdate(name, DAY, value)


async def cancelled_update(service: Service, client: ExistClient) -> None:
    """Cancel an update after its request was sent."""
    write = asyncio.create_task(client.values.update([update(1), update(1, "steps")]))
    await service.asked.wait()
    await cancelled(write)


async def turns(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("follower", ["update", "increment"])
async def test_the_next_write_of_a_day_waits_for_one_whose_caller_was_cancelled(
    answering: Answering, follower: str
) -> None:
    service = Service()
    client = answering(service)
    await cancelled_update(service, client)

    if follower == "update":
        following = asyncio.create_task(client.values.update([update(2)]))
    else:
        following = asyncio.create_task(client.values.increment([ValueIncrement("mood", 2, DAY)]))
    await turns()
    assert service.requests == 1
    service.may_answer.set()

    assert (await following).ok
    assert service.requests == 2


async def test_a_view_of_the_same_user_waits_too(answering: Answering) -> None:
    service = Service()
    client = answering(service)
    await cancelled_update(service, client)

    following = asyncio.create_task(client.with_options(auth="a-token", timeout=5).values.update([update(2)]))
    await turns()
    assert service.requests == 1
    service.may_answer.set()

    assert (await following).ok


async def test_writes_of_other_days_and_of_other_users_do_not_wait(answering: Answering) -> None:
    service = Service()
    client = answering(service)
    await cancelled_update(service, client)

    others = [
        asyncio.create_task(client.values.update([ValueUpdate("mood", date(2026, 11, 19), 2)])),
        asyncio.create_task(client.values.update([update(2, "weight")])),
        asyncio.create_task(client.with_options(auth="another-token").values.update([update(2)])),
    ]
    await until(lambda: service.requests == 4)
    service.may_answer.set()

    for other in others:
        assert (await other).ok


async def test_an_attribute_is_not_acquired_before_its_release_has_ended(answering: Answering) -> None:
    service = Service()
    client = answering(service)
    release = asyncio.create_task(client.attributes.release(["mood"]))
    await service.asked.wait()
    await cancelled(release)

    acquiring = asyncio.create_task(client.attributes.acquire([ByName("mood")], success_objects=False))
    await turns()
    assert service.requests == 1
    service.may_answer.set()

    assert (await acquiring).ok


async def test_the_wait_for_another_write_ends_at_the_deadline(answering: Answering) -> None:
    service = Service()
    client = answering(service)
    await cancelled_update(service, client)

    with pytest.raises(DeadlineExceededError) as caught:
        await client.with_options(deadline=0.05).values.update([update(2)])

    assert caught.value.result is not None
    assert [outcome.status for outcome in caught.value.result] == [OutcomeStatus.NOT_SENT]
    assert service.requests == 1
    service.may_answer.set()
    await client.aclose()


async def test_the_wait_for_another_write_ends_when_the_client_is_closed(answering: Answering) -> None:
    service = Service()
    client = answering(service, timeout=0.05)
    await cancelled_update(service, client)
    following = asyncio.create_task(client.values.update([update(2)]))
    await turns()

    await client.aclose()

    with pytest.raises(ClientClosedError):
        await following
    assert service.requests == 1
    service.may_answer.set()


async def test_a_cancelled_wait_for_another_write_sends_nothing(answering: Answering) -> None:
    service, told = Service(), list[Outcome[Any, Any]]()
    client = answering(service)
    await cancelled_update(service, client)
    following = asyncio.create_task(client.values.update([update(2)], on_outcome=told.append))
    await turns()

    await cancelled(following)
    service.may_answer.set()
    await client.aclose()

    assert service.requests == 1
    assert told == []


async def test_over_a_socket_the_later_value_stays_though_the_earlier_is_written_late(raw_server: Any) -> None:
    written: list[Any] = []
    first = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            size = int(head.partition(b"content-length:")[2].split()[0])
            items = json.loads(await reader.readexactly(size))
            if not first.is_set():
                first.set()
                await asyncio.sleep(0.1)
            written.extend(item["value"] for item in items)
            body = json.dumps({"success": items, "failed": []}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    async with raw_server(serve) as url, ExistClient("a-token", base_url=url) as client:
        write = asyncio.create_task(client.values.update([update(1)]))
        await first.wait()
        await cancelled(write)
        result = await client.values.update([update(2)])

    assert result.ok
    assert written == [1, 2]


async def test_superseded_rows_are_told_late_with_their_superseder(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    service, told = Service(), list[Outcome[Any, Any]]()
    client = answering(service)
    write = asyncio.create_task(client.values.update([update(1), update(2), update(3)], on_outcome=told.append))
    await service.asked.wait()
    await cancelled(write)
    assert told == []
    with caplog.at_level(logging.INFO, "exist_async"):
        service.may_answer.set()
        await client.aclose()

    assert sorted((outcome.index, str(outcome.status)) for outcome in told) == [
        (0, "superseded"),
        (1, "superseded"),
        (2, "succeeded"),
    ]
    assert caplog.records[0].levelname == "INFO"
    assert "3 items: 1 succeeded, 2 superseded" in caplog.text


async def test_a_request_that_is_cancelled_by_others_leaves_superseded_rows_their_one_outcome(
    answering: Answering,
) -> None:
    service, told = Service(), list[int]()
    client = answering(service)
    write = asyncio.create_task(
        client.values.update([update(1), update(2)], on_outcome=lambda outcome: told.append(outcome.index))
    )
    await service.asked.wait()
    next(task for task in asyncio.all_tasks() if "run_chunks.<locals>.run" in repr(task.get_coro())).cancel()

    with pytest.raises(BatchError) as caught:
        await write
    service.may_answer.set()
    await client.aclose()

    assert caught.value.result is not None
    assert [outcome.status for outcome in caught.value.result] == [OutcomeStatus.NOT_SENT, OutcomeStatus.UNKNOWN]
    assert sorted(told) == [0, 1]
