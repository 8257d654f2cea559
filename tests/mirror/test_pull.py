"""Pulling: the mirror has what Exist has, in few requests, and the report says what was done."""

import asyncio
import datetime as dt
import json
import pickle
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from pulls import TODAY, Service, ago, rows_of, values_of

from exist_async import ConfigurationError, ExistClient, MirrorError
from exist_async.mirror import Mirror, PullProgress
from exist_async.sandbox import Sandbox
from support import until

# The first pull, and the next ones


async def test_the_first_pull_reads_everything(service: Service) -> None:
    service.track(3, 100)

    report = await service.pull(since=ago(99))

    assert await service.stored() == service.expected()
    assert (report.new, report.changed, report.inaccessible) == (300, 0, ())
    assert (report.since, report.until, report.current_from) == (ago(99), TODAY, ago(99))
    assert report.current_as_of == dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC)
    # Profile, attributes, the last 31 days, and the 69 before: three windows of all, or a page of each.
    assert service.requests == 1 + 1 + 1 + 3


async def test_the_next_pull_reads_what_is_new_and_the_last_days_again(service: Service) -> None:
    service.track(3, 100)
    await service.pull(since=ago(99))
    service.sleep(days=1)
    service.sandbox.set_values("thing_001", {service.today: 77, ago(29): -1})

    report = await service.pull(since=ago(99), budget=0)

    assert await service.stored() == service.expected()
    assert (report.new, report.changed) == (1, 1)
    assert (report.until, report.current_from) == (service.today, ago(29))
    assert report.current_as_of == dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC)
    assert service.requests == 3


@pytest.mark.slow
async def test_ten_years_of_a_hundred_and_twenty_attributes_take_as_few_requests_as_possible(service: Service) -> None:
    service.sandbox.missing_days = "absent"
    service.track(120, 3650, every=25)

    report = await service.pull(since=ago(3649))
    assert service.requests <= 240
    assert report.new == 438_000 / 25
    assert await service.stored() == service.expected()

    service.sleep(days=1)
    report = await service.pull(since=ago(3649))
    # The profile and the rotation are apart.
    assert service.requests - 1 - 8 <= 4
    assert report.rereads_in == 30


async def test_days_that_no_pull_has_read_are_read_by_the_next_one(service: Service) -> None:
    service.track(2, 200)
    await service.pull(since=ago(199))
    service.sleep(days=90)
    service.sandbox.set_values("thing_000", {TODAY + dt.timedelta(days=day): day for day in range(1, 91)})

    report = await service.pull(since=ago(199), budget=0)

    assert await service.stored() == service.expected()
    assert report.new == 90


async def test_pulling_again_on_the_same_day_finds_what_has_changed_meanwhile(service: Service) -> None:
    service.track(2, 40)
    await service.pull()
    service.sandbox.set_value("thing_000", TODAY, 5)

    report = await service.pull()

    assert (report.new, report.changed) == (0, 1)
    assert await service.stored() == service.expected()
    assert (await service.pull()).changed == 0


async def test_more_days_can_be_read_again_each_time_and_fewer(service: Service) -> None:
    service.track(2, 100)
    await service.pull(since=ago(99))
    service.sandbox.set_values("thing_000", {ago(69): -1, ago(70): -1})

    report = await service.pull(since=ago(99), days=70, budget=0)
    assert (report.changed, report.current_from) == (1, ago(69))

    service.sandbox.set_values("thing_000", {ago(0): -2, ago(1): -2})
    report = await service.pull(since=ago(99), days=1, budget=0)
    assert (report.changed, report.current_from) == (1, TODAY)


@pytest.mark.parametrize("missing_days", ["null", "absent"])
@pytest.mark.parametrize("day", [0, 3, 30, 33, 39])
async def test_a_removed_value_counts_as_changed_and_so_does_one_that_comes_back(
    service: Service, path: Path, day: int, missing_days: Any
) -> None:
    service.sandbox.missing_days = missing_days
    service.track(2, 40)
    await service.pull(since=ago(39))
    del service.sandbox.user.attribute("thing_000").history.by_day[ago(day)]

    for changed in (1, 0):
        report = await service.pull(since=ago(39))
        assert (report.new, report.changed) == (0, changed)
        assert await service.stored() == service.expected()
    assert await rows_of(path, "SELECT attribute, date, number FROM value WHERE removed_at IS NOT NULL") == [
        ("thing_000", ago(day).isoformat(), day)
    ]

    service.sandbox.set_value("thing_000", ago(day), day)
    assert (await service.pull(since=ago(39))).changed == 1
    assert await service.stored() == service.expected()


@pytest.mark.parametrize("count", [1, 2, 6])
@pytest.mark.parametrize("values", [[], [{"date": "2020-01-01", "value": 1}, {"date": "2020-01-02", "value": None}]])
async def test_an_answer_without_any_day_of_those_asked_for_does_not_remove_values(
    service: Service, count: int, values: list[Any]
) -> None:
    service.track(count, 200)
    await service.pull(since=ago(199))
    stored = await service.stored()

    def without_values(body: Any) -> Any:
        for attribute in body["results"]:
            attribute["values"] = values
        return body

    def without_results(body: Any) -> Any:
        return {**body, "results": values, "count": len(values), "next": None}

    service.sandbox.rewrite_next(without_values, 100, path="attributes/with-values/")
    service.sandbox.rewrite_next(without_results, 100, path="attributes/values/")
    for _ in range(2):
        report = await service.pull(since=ago(199))
        assert (report.new, report.changed) == (0, 0)
    assert await service.stored() == stored


@pytest.mark.parametrize("how", ["inactive", "released", "lost"])
@pytest.mark.parametrize("count", [1, 104])
async def test_the_values_of_an_attribute_that_becomes_inaccessible_are_not_removed(
    service: Service, count: int, how: str
) -> None:
    """At any moment of a pull."""
    service.track(count, 100)
    await service.pull(since=ago(99))
    stored = await service.stored()
    user = service.sandbox.user
    attribute = user.attribute("thing_000")
    for moment in range(5):

        def withdraw(_: object, end: int = moment + len(service.sandbox.requests)) -> None:
            if len(service.sandbox.requests) == end:
                match how:
                    case "inactive":
                        attribute.active = False
                    case "released":
                        attribute.active, attribute.service = False, None
                    case _:
                        user._sorted.remove(user._by_name.pop("thing_000"))

        client = service.exist.with_options(on_event=withdraw)
        report = await service.mirror.pull(client, since=ago(99), parts=())
        assert (report.new, report.changed) == (0, 0)
        assert await service.stored() == stored
        attribute.active = True
        if how == "lost":
            user._sorted.append(attribute)
            user._by_name["thing_000"] = attribute
            user._sorted.sort(key=lambda one: one.name)


async def test_an_account_without_attributes_is_pulled(service: Service) -> None:
    report = await service.pull()

    assert (report.new, report.inaccessible, report.until) == (0, (), TODAY)
    assert report.current_from == report.since == ago(30)
    assert service.requests == 3

    report = await service.pull(since=ago(400))
    assert (report.since, service.requests) == (ago(400), 3)


# The first day


async def test_without_a_first_day_it_reads_back_until_more_than_a_year_has_no_value(service: Service) -> None:
    service.track(2, 50)
    # Less than a year without values, and more.
    service.sandbox.set_values("thing_001", {ago(400): 1, ago(401): 1, ago(401 + 373): 1})

    report = await service.pull()

    assert (await service.stored())["thing_001"].keys() == service.expected(ago(401))["thing_001"].keys()
    assert report.since == ago(401 + 372)
    assert report.new == 102


async def test_what_was_read_back_is_not_read_again_by_the_next_pull(service: Service) -> None:
    service.track(5, 400)
    first = await service.pull(budget=0)
    service.sleep(days=1)

    report = await service.pull(budget=0)

    assert report.since == first.since == ago(399 + 372)
    assert service.requests == 3


async def test_an_empty_account_is_read_back_for_more_than_a_year(service: Service) -> None:
    service.track(1, 0)

    report = await service.pull()

    assert report.since == ago(372)
    assert await service.stored() == {}


@pytest.mark.parametrize("count", [1, 6, 104])
async def test_the_first_day_can_be_moved_back_and_forth(service: Service, count: int) -> None:
    service.sandbox.missing_days = "absent"
    service.track(count, 300, every=5)

    await service.pull(since=ago(100), budget=0)
    assert await service.stored() == service.expected(ago(100))

    report = await service.pull(since=ago(200), budget=0)
    assert report.since == ago(200)
    assert await service.stored() == service.expected(ago(200))

    # Nothing is deleted, and nothing read again.
    report = await service.pull(since=ago(50), budget=0)
    assert (report.since, report.new) == (ago(50), 0)
    assert service.requests == (3 if count < 100 else 5)
    assert await service.stored() == service.expected(ago(200))

    report = await service.pull(since=ago(10), budget=0)
    assert (report.since, report.current_from, report.rereads_in) == (ago(10), ago(10), 1)


# Attributes that come and go


async def test_a_released_attribute_is_kept_named_and_costs_no_request(service: Service) -> None:
    service.track(3, 100)
    await service.pull(since=ago(99))
    service.sandbox.user.attribute("thing_001").active = False
    service.sleep(days=1)

    report = await service.pull(since=ago(99), budget=0)

    assert report.inaccessible == ("thing_001",)
    assert service.requests == 3
    assert await service.stored() == service.expected()
    assert [(one.name, one.active, one.listed) for one in await service.mirror.attributes()] == [
        ("thing_000", True, True),
        ("thing_001", False, True),
        ("thing_002", True, True),
    ]


async def test_an_attribute_that_comes_back_is_read_since_it_left(service: Service) -> None:
    service.track(3, 100)
    attribute = service.sandbox.user.attribute("thing_001")
    await service.pull(since=ago(99))
    attribute.active = False
    for _ in range(3):
        service.sleep(days=20)
        await service.pull(since=ago(99), budget=0)
    attribute.active = True
    service.sandbox.set_values("thing_001", {TODAY + dt.timedelta(days=day): day for day in range(1, 61)})

    report = await service.pull(since=ago(99), budget=0)

    assert (report.new, report.inaccessible) == (60, ())
    assert await service.stored() == service.expected()
    # Of one attribute, a page has the 29 days before the last ones.
    assert service.requests == 3 + 1


async def test_an_attribute_that_exist_lists_no_more_is_kept_and_named(service: Service) -> None:
    service.track(2, 40)
    await service.pull()
    expected = service.expected()
    user = service.sandbox.user
    user._sorted.remove(user._by_name.pop("thing_000"))

    report = await service.pull()

    assert report.inaccessible == ("thing_000",)
    assert await service.stored() == expected
    assert [(one.name, one.listed) for one in await service.mirror.attributes()] == [
        ("thing_000", False),
        ("thing_001", True),
    ]


async def test_an_attribute_that_appears_late_is_read_with_its_whole_history(service: Service) -> None:
    service.track(4, 1000)
    await service.pull(since=ago(999))
    service.track(1, 1000, first=4)

    report = await service.pull(since=ago(999), budget=0)

    assert (report.new, report.changed) == (1000, 0)
    assert await service.stored() == service.expected()
    assert service.requests == 3 + 10


async def test_an_attribute_whose_name_can_t_be_in_a_filter_is_read_with_all_others(service: Service) -> None:
    service.track(4, 200)
    await service.pull(since=ago(199))
    service.sandbox.add_attribute(name="tea, coffee", group="health", value_type=0)
    service.sandbox.set_values("tea, coffee", {ago(day): day for day in range(200)})

    report = await service.pull(since=ago(199), budget=0)

    assert (report.new, report.inaccessible) == (200, ())
    assert await service.stored() == service.expected()
    await service.pull(since=ago(199), budget=0)
    assert service.requests == 3


async def test_a_new_attribute_without_a_history_takes_one_request_once(service: Service) -> None:
    service.track(4, 1000)
    await service.pull()
    service.track(1, 1, first=4)

    assert (await service.pull(budget=0)).new == 1
    assert service.requests == 3 + 1
    await service.pull(budget=0)
    assert service.requests == 3


async def test_an_old_history_that_appears_moves_the_first_day_back(service: Service) -> None:
    service.track(2, 40)
    await service.pull()
    service.sandbox.set_values("thing_001", {ago(100): 1, ago(411): 1, ago(700): 1})
    user = service.sandbox.user
    service.sandbox.add_attribute(name="old", group="health", value_type=0)
    service.sandbox.set_values("old", {ago(390): 1})

    for _ in range(3):
        report = await service.pull(budget=100)

    assert user.attribute("old") is not None
    assert await service.stored() == service.expected()
    assert report.since == ago(700 + 372)


async def test_all_values_of_an_attribute_of_another_type_are_read_again(service: Service) -> None:
    service.track(2, 200)
    await service.pull(since=ago(199))
    attribute = service.sandbox.user.attribute("thing_000")
    attribute.value_type = 2
    service.sandbox.set_values("thing_000", {ago(day): f"note {day}" for day in range(200)})

    report = await service.pull(since=ago(199), budget=0)

    assert (report.new, report.changed) == (0, 200)
    assert await service.stored() == service.expected()
    assert (await service.mirror.attributes())[0].value_type == 2
    assert (await service.pull(since=ago(199), budget=0)).changed == 0


async def test_a_new_label_is_stored(service: Service) -> None:
    service.track(1, 40)
    await service.pull()
    service.sandbox.user.attribute("thing_000").label = "A better word"

    report = await service.pull()

    assert [(one.name, one.label) for one in await service.mirror.attributes()] == [("thing_000", "A better word")]
    assert (report.new, report.changed) == (0, 0)


async def test_attributes_that_listings_hide_are_read_too(service: Service) -> None:
    service.track(2, 60)
    service.sandbox.add_attribute(template="tracks", priority=11)
    service.sandbox.set_values("tracks", {ago(50): 12})
    service.sandbox.add_attribute(template="weight", active=False)

    report = await service.pull()

    assert report.inaccessible == ("weight",)
    assert await service.stored() == service.expected()


# The user's day


async def test_the_day_is_the_user_s_own(service: Service) -> None:
    service.track(1, 40)
    service.sandbox.user.timezone = "America/Los_Angeles"

    report = await service.pull(budget=0)

    assert report.until == ago(1)
    service.sandbox.user.timezone = "Australia/Melbourne"
    report = await service.pull(budget=0)
    assert (report.until, report.new) == (TODAY, 1)
    assert await service.stored() == service.expected()


async def test_a_today_that_goes_back_loses_nothing(service: Service) -> None:
    service.track(2, 60)
    await service.pull(since=ago(59))
    service.sandbox.user.timezone = "America/Los_Angeles"
    service.sandbox.set_values("thing_000", {ago(1): -1})

    report = await service.pull(since=ago(59), budget=0)

    assert (report.until, report.changed, report.current_from) == (ago(1), 1, ago(31))
    assert await service.stored() == service.expected()


# Progress and notes


async def test_progress_has_the_requests_so_far_and_in_total(service: Service) -> None:
    service.track(104, 300)
    progress: list[PullProgress] = []

    report = await service.pull(since=ago(299), budget=0, on_progress=progress.append)

    assert [one.requests for one in progress] == sorted(one.requests for one in progress)
    assert [one.total for one in progress[:2]] == [None, None]
    assert {one.total for one in progress[2:]} == {report.requests}
    assert (progress[0].oldest, progress[-1].oldest) == (ago(30), ago(299))


@pytest.mark.parametrize(("count", "days"), [(3, 100), (3, 32), (3, 31), (120, 100)])
async def test_progress_counts_no_more_windows_to_read_again_than_there_are(
    service: Service, count: int, days: int
) -> None:
    service.track(count, days, every=5)
    await service.pull(since=ago(days - 1))
    totals: list[int | None] = []

    report = await service.pull(since=ago(days - 1), on_progress=lambda progress: totals.append(progress.total))

    assert {total for total in totals if total is not None} <= {report.requests}


async def test_pulls_are_noted_in_the_file(service: Service, path: Path) -> None:
    service.track(2, 40)
    service.sandbox.user.attribute("thing_001").active = False
    report = await service.pull()
    service.sandbox.fail_next(3, path="attributes/")
    with pytest.raises(Exception, match="503"):
        await service.pull()

    first, second = await rows_of(
        path, "SELECT requests, new, changed, inaccessible, since, until, current_from, error FROM pull ORDER BY id"
    )
    assert first == (
        *(report.requests, 40, 0, '["thing_001"]'),
        *(report.since.isoformat(), "2026-11-20", report.since.isoformat(), None),
    )
    assert second[:3] == (4, 0, 0)
    assert second[-1].startswith("ServerError: ")


async def test_the_client_s_own_events_still_come(service: Service) -> None:
    events: list[Any] = []
    service.exist = service.exist.with_options(on_event=events.append)

    await service.pull()

    assert len(events) == service.requests


async def test_a_report_is_readable_and_serialises(service: Service) -> None:
    service.track(2, 40)
    service.sandbox.user.attribute("thing_001").active = False

    report = await service.pull(since=ago(99))

    assert str(report) == (
        "4 requests: 40 new and 0 changed values of 2026-08-13 to 2026-11-20, all as of 2026-11-20 01:00 or later"
    )
    assert pickle.loads(pickle.dumps(report)) == report
    assert json.loads(report.to_json()) == {
        "user": "ada",
        "requests": 4,
        "new": 40,
        "changed": 0,
        "inaccessible": ["thing_001"],
        "since": "2026-08-13",
        "until": "2026-11-20",
        "current_from": "2026-08-13",
        "current_as_of": "2026-11-20T01:00:00Z",
        "rereads_in": 1,
    }


# Several users


async def test_many_users_are_pulled_concurrently_over_one_client(
    sandbox: Sandbox, exist: ExistClient, tmp_path: Path
) -> None:
    tokens = {}
    for number in range(12):
        user = sandbox.add_user(f"user_{number}")
        tokens[user] = sandbox.issue_token(user)
        sandbox.add_attribute(user, name="steps", group="health", value_type=0)
        sandbox.set_values("steps", {ago(day): number * 100 + day for day in range(50)}, user)

    async with AsyncExitStack() as stack:
        mirrors = {user: await stack.enter_async_context(Mirror(tmp_path / f"{user.username}.db")) for user in tokens}
        reports = await asyncio.gather(
            *(mirror.pull(exist.with_options(auth=tokens[user])) for user, mirror in mirrors.items())
        )
        assert [report.user for report in reports] == [user.username for user in tokens]
        for user, mirror in mirrors.items():
            assert await values_of(mirror) == {"steps": sandbox.values("steps", user)}


async def test_a_file_of_another_user_is_refused_and_unchanged(service: Service) -> None:
    service.track(1, 10)
    await service.pull()
    other = service.sandbox.issue_token(service.sandbox.add_user("grace"))
    before = await service.stored()

    with pytest.raises(ConfigurationError, match=r"'ada'.*'grace'"):
        await service.mirror.pull(service.exist.with_options(auth=other))

    assert await service.stored() == before


async def test_a_second_pull_into_the_same_file_is_told_at_once(service: Service, path: Path) -> None:
    service.track(1, 10)
    progress: list[PullProgress] = []

    async with Mirror(path) as other, asyncio.TaskGroup() as tasks:
        tasks.create_task(service.mirror.pull(service.exist, on_progress=progress.append))
        await until(lambda: progress)
        requests = len(service.sandbox.requests)
        for mirror in (other, service.mirror):
            with pytest.raises(MirrorError, match="another pull"):
                await mirror.pull(service.exist)
        assert len(service.sandbox.requests) <= requests + 8

    assert await service.stored() == service.expected()


# Arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"since": "2026-01-01"}, "since"),
        ({"since": TODAY + dt.timedelta(days=1)}, "since is 2026-11-21, which is after the user's today, 2026-11-20"),
        ({"since": dt.date.min}, "since is 0001-01-01: give None"),
        ({"days": 0}, "days"),
        ({"days": 1.5}, "days"),
        ({"budget": -1}, "budget"),
        ({"parts": "averages"}, "parts must be a list"),
        ({"parts": ["values"]}, "parts must be a list of some of 'averages', 'correlations', 'insights'"),
        ({"on_progress": 7}, "on_progress"),
    ],
)
async def test_a_wrong_argument_is_named(service: Service, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        await service.mirror.pull(service.exist, **arguments)


async def test_something_else_than_a_client_is_refused(mirror: Mirror) -> None:
    with pytest.raises(ConfigurationError, match="exist must be an ExistClient"):
        await mirror.pull("token")  # type: ignore[arg-type]
