"""The rate limit of a token: an exact moving window of an hour."""

import pytest

from exist_async.sandbox import Sandbox


@pytest.fixture
def sandbox(clock):
    return Sandbox(rate_limit=3, clock=clock)


@pytest.fixture
def statuses(exist):
    async def get(times, path="accounts/profile/", client=exist):
        return [(await client.get(path)).status_code for _ in range(times)]

    return get


async def test_requests_beyond_the_limit_are_throttled(exist, statuses):
    assert await statuses(3) == [200, 200, 200]
    reply = await exist.get("accounts/profile/")

    assert reply.status_code == 429
    assert reply.json() == {"detail": "Request was throttled. Expected available in 3600 seconds."}
    assert reply.headers["retry-after"] == "3600"


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


async def test_retry_after_is_rounded_up_to_whole_seconds(exist, statuses, clock):
    await statuses(1)
    clock.now += 100.25
    await statuses(2)

    reply = await exist.get("accounts/profile/")

    assert reply.headers["retry-after"] == "3500"


async def test_one_second_is_singular(exist, statuses, clock):
    await statuses(3)
    clock.now += 3599.5

    reply = await exist.get("accounts/profile/")

    assert reply.json() == {"detail": "Request was throttled. Expected available in 1 second."}


async def test_a_throttled_request_is_not_counted(statuses, clock):
    await statuses(3)
    clock.now += 1800
    assert await statuses(5) == [429] * 5
    clock.now += 1800

    assert await statuses(3) == [200, 200, 200]


async def test_a_throttled_write_is_not_carried_out(exist, statuses, sandbox):
    await statuses(3)

    reply = await exist.post("attributes/acquire/", json=[{"template": "mood"}])

    assert reply.status_code == 429
    assert sandbox.user.attributes == []


async def test_every_token_has_its_own_window(statuses, connect, sandbox):
    await statuses(3)

    async with connect(f"Bearer {sandbox.issue_token()}") as other:
        assert await statuses(1, client=other) == [200]
    async with connect(f"Token {sandbox.issue_simple_token()}") as simple:
        assert await statuses(4, client=simple) == [200, 200, 200, 429]


async def test_requests_without_a_valid_token_are_not_counted(statuses, connect):
    async with connect("Bearer wrong") as anonymous:
        assert await statuses(5, client=anonymous) == [401] * 5
    assert await statuses(3) == [200, 200, 200]


async def test_failed_requests_of_a_token_are_counted_and_unknown_paths_are_not(statuses):
    assert await statuses(2, "nowhere/") == [404, 404]
    assert await statuses(1, "attributes") == [301]
    assert await statuses(2, "attributes/?page=9") == [404, 404]
    assert await statuses(1, "attributes/create/") == [405]
    assert await statuses(1) == [429]


async def test_there_is_no_rate_limit_by_default(clock):
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


async def test_the_window_may_be_shorter_than_an_hour(exist, sandbox, statuses, clock):
    sandbox.rate_period = 20

    assert await statuses(4) == [200, 200, 200, 429]
    clock.now += 19.5
    reply = await exist.get("accounts/profile/")
    assert reply.headers["retry-after"] == "1"
    clock.now += 0.5
    assert await statuses(4) == [200, 200, 200, 429]
    assert (Sandbox().rate_period, Sandbox(rate_period=7.5).rate_period) == (3600, 7.5)


@pytest.mark.parametrize("period", [0, -1, float("inf"), float("nan")])
def test_a_period_that_is_no_length_of_time_is_an_error(sandbox, period):
    with pytest.raises(ValueError, match="rate_period must be a finite number of seconds above 0"):
        Sandbox(rate_period=period)
    with pytest.raises(ValueError, match="rate_period must be a finite number of seconds above 0"):
        sandbox.rate_period = period
