"""The profile, and the current date in the user's time zone."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from exist_async import ExistClient, NoAnswerError, UserProfile
from exist_async.sandbox import Sandbox

Answering = Callable[..., ExistClient]


async def test_the_profile_is_read(exist: ExistClient) -> None:
    profile = await exist.profile.get()

    assert (profile.username, profile.first_name, profile.timezone, profile.trial) == (
        "ada",
        "Ada",
        "Australia/Melbourne",
        False,
    )
    assert profile.local_time is not None
    assert abs(profile.local_time - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue", "UTC"])
async def test_today_is_the_date_in_the_user_s_time_zone(exist: ExistClient, sandbox: Sandbox, zone: str) -> None:
    traveller = sandbox.add_user("traveller", timezone=zone)
    view = exist.with_options(auth=sandbox.issue_token(traveller))

    profile = await view.profile.get()

    assert profile.local_time is not None
    assert await view.profile.today() == profile.local_time.date()


def profile(**fields: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(200, json={"username": "ada", **fields})


async def test_a_profile_without_a_user_name_is_read(answering: Answering) -> None:
    client = answering(lambda request: httpx.Response(200, json={"timezone": "UTC"}))

    assert await client.profile.get() == UserProfile(timezone="UTC")


@pytest.mark.parametrize("answer", [{}, {"detail": "Sign in to this network"}, {"username": [7], "trial": True}])
async def test_an_answer_without_anything_of_a_profile_is_none(answering: Answering, answer: dict[str, Any]) -> None:
    with pytest.raises(NoAnswerError, match="not a profile"):
        await answering(lambda request: httpx.Response(200, json=answer)).profile.get()


@pytest.mark.parametrize(
    "fields",
    [
        {"local_time": "2026-11-20T23:59:00.5-11:00", "timezone": None},
        {"local_time": "2026-11-20T23:59:00", "timezone": ""},
        {"local_time": "2026-11-20T23:59:00-11:00", "timezone": 7, "username": None, "trial": "no"},
    ],
)
async def test_the_local_time_alone_is_enough_for_today(answering: Answering, fields: dict[str, Any]) -> None:
    assert await answering(profile(**fields)).profile.today() == date(2026, 11, 20)


@pytest.mark.parametrize("local_time", [None, "yesterday", 7, "", ["2026-11-20"]])
async def test_the_time_zone_alone_is_enough_for_today(answering: Answering, local_time: Any) -> None:
    client = answering(profile(local_time=local_time, timezone="Pacific/Kiritimati"))

    assert await client.profile.today() - datetime.now(UTC).date() in {timedelta(0), timedelta(days=1)}
    assert (await client.profile.now()).utcoffset() == timedelta(hours=14)


async def test_a_local_time_without_its_offset_is_not_enough_for_now(answering: Answering) -> None:
    with pytest.raises(NoAnswerError, match="neither a local time with its offset nor a time zone"):
        await answering(profile(local_time="2026-11-20T23:59:00")).profile.now()


async def test_today_is_that_of_the_local_time_in_the_profile(answering: Answering) -> None:
    late = profile(local_time="2026-11-20T23:59:00.5-11:00", timezone="Pacific/Niue")

    assert await answering(late).profile.today() == date(2026, 11, 20)


async def test_without_a_local_time_the_time_zone_is_used(answering: Answering) -> None:
    today = await answering(profile(timezone="Pacific/Kiritimati")).profile.today()

    assert today in {(datetime.now(UTC) + timedelta(hours=14, minutes=m)).date() for m in (-1, 0)}


@pytest.mark.parametrize("zone", [None, "", "No/Where", "../etc/passwd", "Europe", "a" * 300])
async def test_an_unknown_time_zone_is_an_error(answering: Answering, zone: str | None) -> None:
    with pytest.raises(NoAnswerError, match="time zone"):
        await answering(profile(timezone=zone)).profile.today()
