"""Edits of old values are found within as many pulls as the report says."""

import datetime as dt

import pytest
from pulls import Service, ago

from exist_async.sandbox import pagination

WITH_VALUES = "/api/2/attributes/with-values/"


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("day", [31, 40, 1000, 1999])
async def test_an_edit_is_found_within_the_promised_number_of_pulls(service: Service, count: int, day: int) -> None:
    service.track(count, 2000)
    report = await service.pull(since=ago(1999))
    assert report.rereads_in is not None
    assert report.rereads_in <= 9
    for _ in range(2):  # somewhere in the middle of the rotation
        service.sleep(days=1)
        report = await service.pull(since=ago(1999))
    service.sandbox.set_value("thing_000", ago(day), -1)
    edited = dt.datetime(2026, 11, 22, 1, tzinfo=dt.UTC)

    changed = 0
    for _ in range(report.rereads_in or 0):
        service.sleep(days=1)
        report = await service.pull(since=ago(1999))
        assert service.requests <= 3 + 8
        changed += report.changed

    assert changed == 1
    assert await service.stored() == service.expected()
    assert report.current_as_of > edited


async def test_everything_is_current_as_of_the_oldest_reading(service: Service) -> None:
    service.sandbox.missing_days = "absent"
    service.track(104, 31 * 8, every=10)
    times = []
    for _ in range(6):
        report = await service.pull(since=ago(31 * 8 - 1), budget=4)
        times.append(report.current_as_of)
        service.sleep(days=1)

    start = dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC)
    # Seven or eight windows are older than the last days, of which each pull reads two.
    assert report.rereads_in in (4, 5)
    assert times[:3] == [start] * 3
    assert times[5] > start
    assert times == sorted(times)


async def test_without_a_budget_nothing_old_is_read_again(service: Service) -> None:
    service.track(3, 100)
    await service.pull(since=ago(99))
    service.sandbox.set_value("thing_000", ago(60), -1)

    for _ in range(3):
        report = await service.pull(since=ago(99), budget=0)
        assert (report.changed, report.rereads_in, service.requests) == (0, None, 3)

    # What each pull reads anyway needs no budget.
    assert (await service.pull(since=ago(9), budget=0)).rereads_in == 1


@pytest.mark.parametrize(("budget", "windows"), [(1, 1), (2, 1), (5, 2)])
async def test_as_many_windows_are_read_again_as_the_budget_allows_and_at_least_one(
    service: Service, budget: int, windows: int
) -> None:
    service.sandbox.missing_days = "absent"
    service.track(104, 400, every=20)
    await service.pull(since=ago(399))

    report = await service.pull(since=ago(399), budget=budget)

    # Profile, two pages of attributes, two of the last days.
    assert service.requests == 5 + 2 * windows
    assert report.rereads_in in (-(-13 // windows), -(-14 // windows))


async def test_a_service_with_smaller_pages_takes_no_more_than_the_budget(service: Service) -> None:
    service.track(60, 400)
    await service.pull(since=ago(399))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pagination, "MAX_PAGE_SIZE", 20)
        await service.pull(since=ago(399), budget=7)

    # Three pages a window: of attributes, of the last days, and of two windows.
    assert service.requests == 1 + 3 + 3 + 6


async def test_an_attribute_that_was_away_is_read_again_first(service: Service) -> None:
    service.track(3, 400)
    attribute = service.sandbox.user.attribute("thing_001")
    await service.pull(since=ago(399))
    attribute.active = False
    for _ in range(3):
        service.sleep(days=1)
        await service.pull(since=ago(399))
    # All other attributes were read again meanwhile.
    attribute.active = True
    service.sandbox.set_values("thing_001", {ago(40): -1, ago(399): -1})

    report = await service.pull(since=ago(399), budget=0)
    assert report.current_as_of == dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC)
    changed = 0
    for _ in range(3):
        service.sleep(days=1)
        changed += (await service.pull(since=ago(399))).changed

    assert changed == 2
    assert await service.stored() == service.expected()
