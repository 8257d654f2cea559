"""The hourly budget of a token: an exact moving window."""

import pytest

from exist_async.sandbox import Sandbox


@pytest.fixture
def sandbox(clock):
    return Sandbox(rate_limit=3, clock=clock)


@pytest.fixture
def statuses(exist):
    async def ask(times, path="accounts/profile/", client=exist):
        return [(await client.get(path)).status_code for _ in range(times)]

    return ask


async def test_one_more_than_the_limit_is_refused(exist, statuses):
    assert await statuses(3) == [200, 200, 200]
    answer = await exist.get("accounts/profile/")

    assert answer.status_code == 429
    assert answer.json() == {"detail": "Request was throttled. Expected available in 3600 seconds."}
    assert answer.headers["retry-after"] == "3600"


async def test_a_slot_is_free_exactly_when_its_request_leaves_the_window(statuses, clock):
    await statuses(1)
    clock.now += 600
    await statuses(2)

    clock.now += 2999.5
    assert await statuses(1) == [429]
    clock.now += 0.5
    assert await statuses(2) == [200, 429]
    clock.now += 600
    assert await statuses(3) == [200, 200, 429]


async def test_the_wait_is_until_the_oldest_leaves_in_whole_seconds_rounded_up(exist, statuses, clock):
    await statuses(1)
    clock.now += 100.25
    await statuses(2)

    answer = await exist.get("accounts/profile/")

    assert answer.headers["retry-after"] == "3500"


async def test_one_second_is_not_plural(exist, statuses, clock):
    await statuses(3)
    clock.now += 3599.5

    answer = await exist.get("accounts/profile/")

    assert answer.json() == {"detail": "Request was throttled. Expected available in 1 second."}


async def test_a_refused_request_is_not_counted(statuses, clock):
    await statuses(3)
    clock.now += 1800
    assert await statuses(5) == [429] * 5
    clock.now += 1800

    assert await statuses(3) == [200, 200, 200]


async def test_a_refused_write_was_not_carried_out(exist, statuses, sandbox):
    await statuses(3)

    answer = await exist.post("attributes/acquire/", json=[{"template": "mood"}])

    assert answer.status_code == 429
    assert sandbox.user.attributes == []


async def test_every_token_has_its_own_window(statuses, connect, sandbox):
    await statuses(3)

    async with connect(f"Bearer {sandbox.issue_token()}") as other:
        assert await statuses(1, client=other) == [200]
    async with connect(f"Token {sandbox.issue_simple_token()}") as simple:
        assert await statuses(4, client=simple) == [200, 200, 200, 429]


async def test_what_has_no_token_is_not_counted(statuses, connect):
    async with connect("Bearer wrong") as stranger:
        assert await statuses(5, client=stranger) == [401] * 5
    assert await statuses(3) == [200, 200, 200]


async def test_failed_requests_of_a_token_are_counted_and_unknown_paths_are_not(statuses):
    assert await statuses(2, "nowhere/") == [404, 404]
    assert await statuses(1, "attributes") == [301]
    assert await statuses(2, "attributes/?page=9") == [404, 404]
    assert await statuses(1, "attributes/create/") == [405]
    assert await statuses(1) == [429]


async def test_there_is_no_limit_unless_one_is_set(clock):
    assert Sandbox(clock=clock).rate_limit is None


async def test_the_limit_may_be_changed_at_any_time(exist, statuses, clock, sandbox):
    await statuses(1)
    clock.now += 10
    await statuses(2)

    sandbox.rate_limit = 1
    assert (await exist.get("accounts/profile/")).headers["retry-after"] == "3600"
    sandbox.rate_limit = 4
    assert await statuses(2) == [200, 429]
    sandbox.rate_limit = None
    assert await statuses(3) == [200, 200, 200]


@pytest.mark.parametrize("limit", [0, -1, 1.5])
def test_a_limit_is_at_least_one(sandbox, limit):
    with pytest.raises(ValueError, match="rate_limit must be a whole number, at least 1, or None"):
        Sandbox(rate_limit=limit)
    with pytest.raises(ValueError, match="rate_limit must be a whole number, at least 1, or None"):
        sandbox.rate_limit = limit
