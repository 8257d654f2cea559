"""Averages, correlations, insights and the profile come along with the values, in few requests."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from pulls import TODAY, Service, ago, rows_of

from exist_async import AuthenticationError, MemoryRateLimiter, RateLimitError, ServerError
from exist_async.mirror import PullProgress
from exist_async.mirror.parts import PARTS

AVERAGES = "/api/2/averages/"
CORRELATIONS = "/api/2/correlations/"
INSIGHTS = "/api/2/insights/"

SINCE = ago(499)


async def averages_of(path: Path) -> list[tuple[Any, ...]]:
    return await rows_of(path, "SELECT attribute, date, overall, monday, sunday FROM average ORDER BY 1, 2")


async def insights_of(path: Path) -> list[str]:
    return [text for (text,) in await rows_of(path, "SELECT text FROM insight ORDER BY target_date, text")]


async def test_averages_come_with_their_history_at_first(service: Service, path: Path) -> None:
    service.track(3, 500)

    await service.pull(since=SINCE, parts=["averages"])

    listed = await service.exist.averages.list(date_min=SINCE, include_historical=True).collect()
    assert await averages_of(path) == sorted(
        (one.attribute, str(one.date), one.overall, one.monday, one.sunday) for one in listed
    )
    assert len(listed) == 3 * 72
    # Of 372 and 128 days.
    assert service.asked[AVERAGES] == 2 + 1


async def test_later_only_the_averages_since_the_last_pull_come(service: Service, path: Path) -> None:
    service.track(3, 500)
    await service.pull(since=SINCE, parts=["averages"])
    before = await averages_of(path)

    service.sleep(days=1)
    await service.pull(since=SINCE, parts=["averages"])
    assert service.asked[AVERAGES] == 1
    assert len(await averages_of(path)) == len(before) + 3

    # The days after the last pull, and the one before.
    service.sleep(days=30)
    await service.pull(since=SINCE, parts=["averages"])
    assert service.asked[AVERAGES] == 1
    dates = {date for _, date, *_ in await averages_of(path)}
    assert {str(service.today - dt.timedelta(days=7 * week)) for week in range(5)} <= dates


async def test_an_earlier_first_day_brings_earlier_averages_and_insights(service: Service, path: Path) -> None:
    service.track(1, 300)
    service.sandbox.add_insight("thing_000", "old", target_date=ago(200))
    await service.pull(since=ago(99), parts=["averages", "insights"])
    assert await insights_of(path) == []

    await service.pull(since=ago(299), parts=["averages", "insights"])

    assert await insights_of(path) == ["old"]
    assert min(date for _, date, *_ in await averages_of(path)) == str(ago(294))
    assert [service.asked[AVERAGES], service.asked[INSIGHTS]] == [2, 2]
    await service.pull(since=ago(299), parts=["averages", "insights"])
    assert [service.asked[AVERAGES], service.asked[INSIGHTS]] == [1, 1]


async def test_insights_that_come_late_are_found(service: Service, path: Path) -> None:
    service.track(1, 10)
    service.sandbox.add_insight("thing_000", "ten years ago", target_date=ago(3649))
    service.sandbox.add_insight("thing_000", "yesterday", target_date=ago(1))
    await service.pull(since=ago(3649), parts=["insights"])
    assert await insights_of(path) == ["ten years ago", "yesterday"]
    service.sleep(days=1)
    service.sandbox.add_insight("thing_000", "the month", target_date=ago(30), priority=4)
    service.sandbox.add_insight("thing_000", "tomorrow", target_date=TODAY + dt.timedelta(days=2))

    await service.pull(since=ago(3649), parts=["insights"])

    assert await insights_of(path) == ["ten years ago", "the month", "yesterday", "tomorrow"]
    assert service.asked[INSIGHTS] == 1


async def test_a_long_time_without_a_pull_leaves_no_gap(service: Service, path: Path) -> None:
    service.track(1, 10)
    await service.pull(since=ago(9), parts=["insights"])
    for days in (10, 400, 790):
        service.sandbox.add_insight("thing_000", f"{days}", target_date=TODAY + dt.timedelta(days=days))
    service.sleep(days=800)
    service.sandbox.fail_next(3, path=INSIGHTS, skip=1)

    with pytest.raises(ServerError):
        await service.pull(since=ago(9), parts=["insights"])
    service.sandbox.clear_faults()
    assert await insights_of(path) == ["10"]

    await service.pull(since=ago(9), parts=["insights"])

    assert await insights_of(path) == ["10", "400", "790"]


async def test_correlations_that_exist_lists_no_more_are_marked(service: Service, path: Path) -> None:
    service.track(3, 10)
    service.sandbox.add_correlation("thing_000", "thing_001", 0.7)
    service.sandbox.add_correlation("thing_000", "thing_002", -0.3)
    await service.pull()
    assert await rows_of(path, "SELECT count(*) FROM correlation") == [(0,)]

    await service.pull(parts=["correlations"])
    kept = service.sandbox.user.correlations.pop(0)
    service.sleep(days=1)
    await service.pull(parts=["correlations"])

    query = "SELECT attribute2, value, listed, unlisted_at FROM correlation ORDER BY attribute2"
    first, second = await rows_of(path, query)
    assert first[:3] == ("thing_001", 0.7, 0)
    assert first[3].startswith("2026-11-21T01:00")
    assert second == ("thing_002", -0.3, 1, None)

    service.sandbox.user.correlations.append(kept)
    await service.pull(parts=["correlations"])
    assert [row[2] for row in await rows_of(path, query)] == [1, 1]


async def test_a_nightly_pull_takes_one_request_for_each_small_part(service: Service) -> None:
    service.track(3, 40)
    parts = ["insights", "averages", "correlations"]
    await service.pull(parts=parts, since=ago(39))
    service.sleep(days=1)

    await service.pull(parts=parts, since=ago(39), budget=0)

    assert service.requests == 3 + 3


async def test_the_profile_is_stored(service: Service, path: Path) -> None:
    await service.pull()
    service.sandbox.user.first_name = "Augusta"
    await service.pull()

    assert await rows_of(path, "SELECT username, first_name, timezone FROM profile") == [
        ("ada", "Augusta", "Australia/Melbourne")
    ]


async def test_progress_counts_the_pages_of_the_parts(service: Service) -> None:
    service.track(40, 1000)
    service.sandbox.add_insight("thing_000", "yesterday", target_date=ago(1))
    for other in range(1, 40):
        for another in range(other):
            service.sandbox.add_correlation(f"thing_{other:03}", f"thing_{another:03}", 0.5)
    progress: list[PullProgress] = []

    report = await service.pull(since=ago(999), parts=PARTS, budget=0, on_progress=progress.append)

    assert (service.asked[AVERAGES], service.asked[CORRELATIONS], service.asked[INSIGHTS]) == (59, 8, 3)
    # One for each page; the profile and the attributes have none.
    assert len(progress) == report.requests - 2
    totals = [one.total for one in progress if one.total is not None]
    # Exist has fewer averages than it could have, and the number of correlations comes with their first page.
    assert {abs(total - report.requests) for total in totals[:-12]} <= set(range(9))
    assert set(totals[-11:]) == {report.requests}


async def test_averages_go_on_where_a_spent_budget_stopped_them(service: Service, path: Path, clock: Any) -> None:
    service.track(3, 2000)
    limiter = MemoryRateLimiter(8, clock=clock, sleep=clock.sleep)
    await service.pull(since=ago(1999))
    service.exist = service.exist.with_options(rate_limiter=limiter)
    spent = 0

    while True:
        try:
            await service.pull(since=ago(1999), parts=["averages"], budget=0)
        except RateLimitError:
            spent += 1
            clock.now += 3601
        else:
            break

    assert spent >= 1
    service.exist = service.exist.with_options(rate_limiter=None)
    listed = await service.exist.averages.list(date_min=ago(1999), include_historical=True).collect()
    assert len(await averages_of(path)) == len(listed)


@pytest.mark.parametrize("part", [AVERAGES, CORRELATIONS, INSIGHTS])
async def test_a_part_that_fails_is_told_and_everything_else_is_kept(service: Service, part: str) -> None:
    service.track(2, 40)
    service.sandbox.fail_next(3, path=part)

    with pytest.raises(ServerError, match=part):
        await service.pull(since=ago(39), parts=["averages", "correlations", "insights"])

    assert await service.stored() == service.expected()
    assert service.asked[part] == 3
    assert all(service.asked[other] for other in (AVERAGES, CORRELATIONS, INSIGHTS))


async def test_a_token_that_is_refused_for_a_part_ends_the_pull(service: Service) -> None:
    service.track(2, 40)
    service.sandbox.fail_next(1, path=CORRELATIONS, status=401)

    with pytest.raises(AuthenticationError):
        await service.pull(since=ago(39), parts=["averages", "correlations", "insights"])

    assert service.asked[INSIGHTS] == 0
    assert await service.stored() == service.expected()
