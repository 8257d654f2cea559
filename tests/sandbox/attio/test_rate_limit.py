"""The rate limits of a token per second: one for reads, one for writes."""

from email.utils import parsedate_to_datetime

import pytest

from exist_async.sandbox import AttioSandbox

READ = ("GET", "objects/people/attributes")
WRITE = ("PATCH", "objects/people/attributes/lead_source")


@pytest.fixture
def statuses(attio):
    async def send(call, times):
        return [(await attio.request(*call, json={"data": {}})).status_code for _ in range(times)]

    return send


async def test_reads_and_writes_have_separate_limits(statuses, sandbox):
    sandbox.read_limit, sandbox.write_limit = 3, 2

    assert await statuses(READ, 4) == [200, 200, 200, 429]
    assert await statuses(WRITE, 3) == [200, 200, 429]


async def test_a_slot_is_free_after_a_second(statuses, sandbox, clock):
    sandbox.write_limit = 1
    await statuses(WRITE, 1)

    clock.now += 0.9
    assert await statuses(WRITE, 1) == [429]
    clock.now += 0.1
    assert await statuses(WRITE, 2) == [200, 429]


async def test_a_throttled_write_is_not_carried_out_and_has_a_retry_after(attio, sandbox, statuses, new_attribute):
    sandbox.write_limit = 1
    await statuses(WRITE, 1)

    reply = await attio.post("objects/people/attributes", json=new_attribute())

    assert reply.status_code == 429
    assert reply.json() == {
        "status_code": 429,
        "type": "rate_limit_error",
        "code": "rate_limit_exceeded",
        "message": "Rate limit exceeded. Please try again later.",
    }
    # The next slot is free at 18:30:16.061, which is rounded up.
    assert reply.headers["retry-after"] == "Fri, 20 Nov 2026 18:30:17 GMT"
    assert parsedate_to_datetime(reply.headers["retry-after"]) > parsedate_to_datetime(reply.headers["date"])
    assert len(sandbox.attributes("objects", "people")) == 7


async def test_every_token_has_its_own_limit_and_an_invalid_one_is_not_counted(connect, sandbox, statuses):
    sandbox.read_limit = 1
    await statuses(READ, 1)

    async with connect(f"Bearer {sandbox.issue_token()}") as other, connect("Bearer wrong") as anonymous:
        assert [(await other.get(READ[1])).status_code for _ in range(2)] == [200, 429]
        assert [(await anonymous.get(READ[1])).status_code for _ in range(2)] == [401, 401]


@pytest.mark.parametrize(
    ("options", "reads", "writes"),
    [
        ({}, None, None),
        ({"rate_limited": True}, 100, 25),
        ({"rate_limited": True, "write_limit": 5}, 100, 5),
        ({"read_limit": 7}, 7, None),
    ],
)
def test_there_is_no_limit_by_default(options, reads, writes):
    sandbox = AttioSandbox(**options)

    assert (sandbox.read_limit, sandbox.write_limit) == (reads, writes)


@pytest.mark.parametrize("name", ["read_limit", "write_limit"])
@pytest.mark.parametrize("limit", [0, -1, 1.5])
def test_a_limit_is_at_least_one(sandbox, name, limit):
    with pytest.raises(ValueError, match=f"{name} must be a whole number, at least 1, or None"):
        AttioSandbox(**{name: limit})
    with pytest.raises(ValueError, match=f"{name} must be a whole number, at least 1, or None"):
        setattr(sandbox, name, limit)
