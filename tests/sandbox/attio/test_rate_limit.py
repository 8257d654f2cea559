"""The budget of a token in any second: one of reads, and one of writes."""

from email.utils import parsedate_to_datetime

import pytest

from exist_async.sandbox import AttioSandbox

READ = ("GET", "objects/people/attributes")
WRITE = ("PATCH", "objects/people/attributes/lead_source")


@pytest.fixture
def statuses(attio):
    async def ask(call, times):
        return [(await attio.request(*call, json={"data": {}})).status_code for _ in range(times)]

    return ask


async def test_reads_and_writes_are_counted_apart(statuses, sandbox):
    sandbox.read_limit, sandbox.write_limit = 3, 2

    assert await statuses(READ, 4) == [200, 200, 200, 429]
    assert await statuses(WRITE, 3) == [200, 200, 429]


async def test_a_slot_is_free_a_second_later(statuses, sandbox, clock):
    sandbox.write_limit = 1
    await statuses(WRITE, 1)

    clock.now += 0.9
    assert await statuses(WRITE, 1) == [429]
    clock.now += 0.1
    assert await statuses(WRITE, 2) == [200, 429]


async def test_a_refused_write_is_not_carried_out_and_told_a_date_to_come_back_at(attio, sandbox, statuses, new):
    sandbox.write_limit = 1
    await statuses(WRITE, 1)

    answer = await attio.post("objects/people/attributes", json=new())

    assert answer.status_code == 429
    assert answer.json() == {
        "status_code": 429,
        "type": "rate_limit_error",
        "code": "rate_limit_exceeded",
        "message": "Rate limit exceeded. Please try again later.",
    }
    # The slot is free at 18:30:16 and 61 milliseconds.
    assert answer.headers["retry-after"] == "Fri, 20 Nov 2026 18:30:17 GMT"
    assert parsedate_to_datetime(answer.headers["retry-after"]) > parsedate_to_datetime(answer.headers["date"])
    assert len(sandbox.attributes("objects", "people")) == 7


async def test_every_token_has_its_own_budget_and_a_wrong_one_has_none(connect, sandbox, statuses):
    sandbox.read_limit = 1
    await statuses(READ, 1)

    async with connect(f"Bearer {sandbox.issue_token()}") as other, connect("Bearer wrong") as stranger:
        assert [(await other.get(READ[1])).status_code for _ in range(2)] == [200, 429]
        assert [(await stranger.get(READ[1])).status_code for _ in range(2)] == [401, 401]


@pytest.mark.parametrize(
    ("options", "reads", "writes"),
    [
        ({}, None, None),
        ({"rate_limited": True}, 100, 25),
        ({"rate_limited": True, "write_limit": 5}, 100, 5),
        ({"read_limit": 7}, 7, None),
    ],
)
def test_there_is_no_limit_unless_it_is_asked_for(options, reads, writes):
    sandbox = AttioSandbox(**options)

    assert (sandbox.read_limit, sandbox.write_limit) == (reads, writes)


@pytest.mark.parametrize("name", ["read_limit", "write_limit"])
@pytest.mark.parametrize("limit", [0, -1, 1.5])
def test_a_limit_is_at_least_one(sandbox, name, limit):
    with pytest.raises(ValueError, match=f"{name} must be a whole number, at least 1, or None"):
        AttioSandbox(**{name: limit})
    with pytest.raises(ValueError, match=f"{name} must be a whole number, at least 1, or None"):
        setattr(sandbox, name, limit)
