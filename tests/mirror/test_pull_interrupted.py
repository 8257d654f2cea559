"""A pull that ends early keeps what it has read, and the next one goes on there."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from pulls import Service, ago, rows_of

from exist_async import (
    AuthenticationError,
    ConnectionFailedError,
    ExistAsyncError,
    ExistClient,
    MemoryRateLimiter,
    MirrorError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from exist_async.mirror import PullProgress

ATTRIBUTES = 2
LAST_DAYS = 2
LISTING = 1 + ATTRIBUTES + LAST_DAYS
"""Requests with which each pull of these tests begins: for the profile, the attributes and the last days."""

DAYS = 10 * 31
SINCE = ago(DAYS - 1)
MINIMUM = 1 + ATTRIBUTES + 10 * 2


@pytest.fixture
def tracked(service: Service) -> Service:
    service.sandbox.missing_days = "absent"
    service.track(104, DAYS, every=5)
    return service


async def count_values(service: Service) -> int:
    return sum(map(len, (await service.stored()).values()))


async def test_a_spent_budget_keeps_what_was_read_and_the_next_hour_goes_on(tracked: Service, clock: Any) -> None:
    limiter = MemoryRateLimiter(11, clock=clock, sleep=clock.sleep)
    tracked.exist = tracked.exist.with_options(rate_limiter=limiter)
    requests = 0
    hours = 0

    while True:
        try:
            await tracked.pull(since=SINCE)
        except RateLimitError:
            assert await count_values(tracked) > hours * 31 * 104 / 5
            requests += tracked.requests
            hours += 1
            clock.now += 3601
        else:
            requests += tracked.requests
            break

    assert hours >= 2
    assert await tracked.stored() == tracked.expected()
    # Nothing is in flight when the budget is spent, so that only the beginning is read again.
    assert requests <= MINIMUM + hours * LISTING


@pytest.mark.parametrize("page", [1, 2, 3, 8, 19])
async def test_a_cancelled_pull_loses_no_more_than_what_was_in_flight(tracked: Service, page: int) -> None:
    tracked.exist = tracked.exist.with_options(concurrency=4)
    pages = 0

    def cancel(_: PullProgress) -> None:
        nonlocal pages
        pages += 1
        if pages == page:
            task.cancel()

    task = asyncio.create_task(tracked.pull(since=SINCE, on_progress=cancel))
    with pytest.raises(asyncio.CancelledError):
        await task
    first = tracked.requests
    before = await count_values(tracked)
    assert before >= 100 * 7

    report = await tracked.pull(since=SINCE)

    assert await tracked.stored() == tracked.expected()
    assert first + tracked.requests <= MINIMUM + 4 + LISTING
    assert report.new == 104 * DAYS / 5 - before


async def test_how_a_pull_ended_is_noted(tracked: Service, path: Any) -> None:
    task = asyncio.create_task(tracked.pull(since=SINCE, on_progress=lambda _: task.cancel()))
    with pytest.raises(asyncio.CancelledError):
        await task

    ((ended, requests, new, error),) = await rows_of(path, "SELECT ended, requests, new, error FROM pull")
    assert ended is not None
    assert requests >= LISTING - 1
    assert new == 100 * 7
    assert error == "CancelledError: "


class Faulty(httpx.AsyncBaseTransport):
    """Answers some requests with an error, and gives the others to the sandbox."""

    def __init__(self, service: Service, fails: Callable[[httpx.Request], Exception | int | None]) -> None:
        self.sandbox = service.sandbox.transport()
        self.fails = fails

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        failure = self.fails(request)
        if failure is None:
            return await self.sandbox.handle_async_request(request)
        if isinstance(failure, Exception):
            raise failure
        return httpx.Response(failure, text="down")


def with_faults(service: Service, fails: Callable[[httpx.Request], Exception | int | None]) -> ExistClient:
    """Return a client of the service whose requests may fail."""

    async def sleep(_: float) -> None:
        await asyncio.sleep(0)

    return ExistClient(
        service.sandbox.token,
        http_client=httpx.AsyncClient(transport=Faulty(service, fails)),
        rate_limiter=None,
        sleep=sleep,
    )


def page_of(day: dt.date, number: int) -> Callable[[httpx.Request], int | None]:
    """Return what makes a page of the window that ends on a day fail."""

    def fails(request: httpx.Request) -> int | None:
        params = request.url.params
        is_page = params.get("date_max") == day.isoformat() and params.get("page", "1") == str(number)
        return 500 if is_page and "with-values" in request.url.path else None

    return fails


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("window", [1, 4, 9])
async def test_a_page_that_stays_broken_is_told_and_everything_else_is_kept(
    tracked: Service, window: int, number: int
) -> None:
    broken = ago(31 * window)
    client = with_faults(tracked, page_of(broken, number))

    with pytest.raises(ServerError, match="with-values"):
        await tracked.mirror.pull(client, since=SINCE, parts=())

    names = tracked.sandbox.user.attributes
    lost = {one.name for one in (names if number == 1 else names[100:])}
    expected = tracked.expected()
    for name in lost:
        for day in range(31):
            expected[name].pop(broken - dt.timedelta(days=day), None)
    assert await tracked.stored() == expected

    # Once it works again, only this page is missing.
    report = await tracked.pull(since=SINCE, budget=0)
    assert await tracked.stored() == tracked.expected()
    assert report.inaccessible == ()
    assert tracked.requests <= LISTING + 2


async def test_last_days_that_stay_broken_do_not_keep_the_others_from_being_read(tracked: Service) -> None:
    client = with_faults(tracked, page_of(ago(0), 1))

    with pytest.raises(ServerError, match="with-values"):
        await tracked.mirror.pull(client, since=SINCE, parts=())

    stored = await tracked.stored()
    assert stored.keys() == tracked.expected().keys()
    assert all(min(values) == min(tracked.expected()[name]) for name, values in stored.items())


async def test_a_service_that_is_down_is_not_asked_for_every_window(tracked: Service) -> None:
    asked = 0

    def fails(request: httpx.Request) -> int | None:
        nonlocal asked
        is_down = "with-values" in request.url.path
        asked += is_down
        return 503 if is_down else None

    with pytest.raises(ServerError):
        await tracked.mirror.pull(with_faults(tracked, fails), since=SINCE, parts=())

    # Three windows, each with two repeats.
    assert asked == 3 * 3


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (403, PermissionDeniedError)])
async def test_a_refused_token_ends_the_pull(tracked: Service, status: int, error: type[ExistAsyncError]) -> None:
    refused = 0

    def fails(request: httpx.Request) -> int | None:
        nonlocal refused
        if "with-values" not in request.url.path:
            return None
        refused += 1
        return status if refused > 6 else None

    client = with_faults(tracked, fails)

    with pytest.raises(error):
        await tracked.mirror.pull(client, since=SINCE)

    assert refused <= 6 + 9
    assert await count_values(tracked) >= 104 * 7


async def test_a_lost_connection_ends_the_pull_and_the_next_one_goes_on(tracked: Service) -> None:
    count = 0

    def fails(request: httpx.Request) -> Exception | None:
        nonlocal count
        count += 1
        return httpx.ConnectError("no route") if count > 15 else None

    with pytest.raises(ConnectionFailedError):
        await tracked.mirror.pull(with_faults(tracked, fails), since=SINCE, parts=())

    first = len(tracked.sandbox.requests)
    assert first == 15
    await tracked.pull(since=SINCE)
    assert await tracked.stored() == tracked.expected()
    assert first + tracked.requests <= MINIMUM + 8 + LISTING


async def test_attributes_that_appear_and_vanish_during_a_pull_are_right_after_the_next_one(tracked: Service) -> None:
    tracked.exist = tracked.exist.with_options(concurrency=2)
    user = tracked.sandbox.user
    pages = 0

    def change(_: PullProgress) -> None:
        nonlocal pages
        pages += 1
        if pages == 5:
            user.attribute("thing_007").active = False
        if pages == 8:
            tracked.track(1, DAYS, first=104)
        if pages == 12:
            user.attribute("thing_050").active = False

    report = await tracked.pull(since=SINCE, on_progress=change)
    assert report.inaccessible == ("thing_007", "thing_050")
    user.attribute("thing_007").active = True

    report = await tracked.pull(since=SINCE, budget=0)

    expected = tracked.expected()
    stored = await tracked.stored()
    expected.pop("thing_050")
    stored.pop("thing_050")
    assert stored == expected
    assert report.inaccessible == ("thing_050",)


async def test_a_mirror_that_is_closed_during_a_pull_ends_it(tracked: Service) -> None:
    closing: list[Awaitable[None]] = []

    def close(_: PullProgress) -> None:
        if not closing:
            closing.append(asyncio.ensure_future(tracked.mirror._database.close()))

    with pytest.raises((MirrorError, ExistAsyncError)):
        await tracked.mirror.pull(tracked.exist, since=SINCE, on_progress=close)
    await closing[0]


async def test_an_error_of_the_progress_function_ends_the_pull_and_keeps_the_page(tracked: Service) -> None:
    def fail(_: PullProgress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await tracked.pull(since=SINCE, on_progress=fail)

    assert await count_values(tracked) == 100 * 7
