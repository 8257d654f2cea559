"""The client of Attio: its paths, rate limits and errors."""

import asyncio
import datetime as dt
import pickle
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from attio.samples import ATTRIBUTE, Asking, Script, data, refusal

from exist_async import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    MemoryRateLimiter,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ValidationIssue,
)
from exist_async.attio import AttioClient


def test_the_token_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="ATTIO_TOKEN"):
        AttioClient()
    monkeypatch.setenv("ATTIO_TOKEN", "a-token")

    assert repr(AttioClient()) == "<AttioClient for https://api.attio.com>"


async def test_a_view_has_its_own_token_and_limits(asking: Asking, clock: Any) -> None:
    script = Script(data(ATTRIBUTE))
    none_left = MemoryRateLimiter(1, 3600.0, clock=clock, sleep=clock.sleep)
    client = asking(script, max_wait=0)
    view = client.with_options(auth="another-token", write_rate_limiter=none_left)

    await view.attributes.update("objects", "people", "a", title="b")
    with pytest.raises(RateLimitError):
        await view.attributes.update("objects", "people", "a", title="b")
    await view.attributes.get("objects", "people", "a")
    await client.attributes.update("objects", "people", "a", title="b")

    assert [request.headers["authorization"].split()[1] for request in script.requests] == [
        "another-token",
        "another-token",
        "a-token",
    ]
    with pytest.raises(ConfigurationError, match="create another AttioClient"):
        client.with_options(proxy="http://127.0.0.1:1")  # type: ignore[call-arg]


async def test_an_endpoint_without_a_method_can_be_called(asking: Asking) -> None:
    script = Script(data([{"api_slug": "people"}]))

    assert await asking(script).request("GET", "objects") == {"data": [{"api_slug": "people"}]}
    assert str(script.requests[0].url) == "https://api.attio.com/v2/objects"


@pytest.mark.parametrize(
    ("slug", "encoded"),
    [
        ("a/b", "a%2Fb"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("🚀 launch", "%F0%9F%9A%80%20launch"),
        ("100%", "100%25"),
        ("a?b#c", "a%3Fb%23c"),
        ("a..b", "a..b"),
        ("%2e%2e", "%252e%252e"),
    ],
)
async def test_segments_of_a_path_are_encoded_whole(asking: Asking, slug: str, encoded: str) -> None:
    script = Script(data(ATTRIBUTE))

    await asking(script).attributes.get("objects", slug, slug)

    assert script.requests[0].url.raw_path.decode() == f"/v2/objects/{encoded}/attributes/{encoded}"


async def test_encoded_segments_arrive_as_they_are_over_a_socket(raw_server: Any) -> None:
    lines: list[bytes] = []

    async def answer(reader: Any, writer: Any) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines.append(head.split(b"\r\n")[0])
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()

    async with raw_server(answer) as url, AttioClient("a-token", base_url=url) as client:
        with pytest.raises(NotFoundError):
            await client.attributes.get("lists", "a/b", "🚀?")

    assert lines == [b"GET /v2/lists/a%2Fb/attributes/%F0%9F%9A%80%3F HTTP/1.1"]


@pytest.mark.parametrize("wrong", ["", " ", ".", "..", "a\0b", "\ud800", 7, None])
async def test_an_invalid_path_segment_is_refused(asking: Asking, wrong: Any) -> None:
    script = Script(data(ATTRIBUTE))
    attributes = asking(script).attributes

    with pytest.raises(ConfigurationError, match="attribute"):
        await attributes.get("objects", "people", wrong)
    with pytest.raises(ConfigurationError, match="identifier"):
        attributes.list("objects", wrong)
    assert script.requests == []


@pytest.mark.parametrize("target", ["object", "records", "", None, 7, "objects/people"])
def test_a_target_other_than_objects_and_lists_is_refused(asking: Asking, target: Any) -> None:
    with pytest.raises(ConfigurationError, match="target must be 'objects' or 'lists'"):
        asking(Script(data([]))).attributes.list(target, "people")


async def test_reads_and_writes_have_separate_limits(asking: Asking, clock: Any) -> None:
    script = Script(data(ATTRIBUTE))
    attributes = asking(script).attributes

    for _ in range(100):
        await attributes.get("objects", "people", "a")
    for _ in range(25):
        await attributes.update("objects", "people", "a", title="b")
    assert clock.slept == []

    await attributes.update("objects", "people", "a", title="b")
    assert clock.slept == [1.0]


async def test_the_limits_are_attio_s_by_default() -> None:
    options = AttioClient("a-token")._session.options

    assert repr(options.rate_limiter) == "MemoryRateLimiter(limit=100, period=1.0)"
    assert repr(options.write_rate_limiter) == "MemoryRateLimiter(limit=25, period=1.0)"


async def test_a_429_is_waited_for_until_its_date(asking: Asking, clock: Any) -> None:
    now = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    until = format_datetime(now + dt.timedelta(seconds=3), usegmt=True)
    limited = refusal(429, "rate_limit_error", "rate_limit_exceeded", "Slow down.")
    limited.headers["Retry-After"] = until
    script = Script(limited, data(ATTRIBUTE))
    client = asking(script, wall_clock=now.timestamp)

    await client.attributes.create("objects", "people", title="a", api_slug="a", type="text")

    assert sum(clock.slept) == 3.0
    assert len(script.requests) == 2


async def test_a_429_to_a_write_does_not_delay_reads(asking: Asking, clock: Any) -> None:
    def service(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return data(ATTRIBUTE)
        return httpx.Response(429, headers={"Retry-After": "30"})

    held, released = asyncio.Event(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        held.set()
        await released.wait()

    client = asking(service, sleep=sleep)
    writing = asyncio.create_task(client.attributes.update("objects", "people", "a", title="b"))
    await held.wait()

    async with asyncio.timeout(5):
        await client.with_options(max_wait=0).attributes.get("objects", "people", "a")

    writing.cancel()
    await asyncio.wait([writing])


async def test_a_rate_limit_error_has_attio_s_type_code_and_detail(asking: Asking) -> None:
    limited = refusal(429, "rate_limit_error", "rate_limit_exceeded", "Slow down.")
    limited.headers["Retry-After"] = "600"

    with pytest.raises(RateLimitError, match="Slow down") as caught:
        await asking(Script(limited)).attributes.get("objects", "people", "a")

    error = caught.value
    assert (error.type, error.code, error.detail, error.request_id) == (
        "rate_limit_error",
        "rate_limit_exceeded",
        "Slow down.",
        "exec-1",
    )


async def test_a_message_with_many_issues_is_shortened(asking: Asking) -> None:
    issues = [{"path": [f"field_{n}"], "message": "x" * 900} for n in range(50)]
    script = Script(refusal(400, "invalid_request_error", "odd", "y" * 900, validation_errors=issues))

    with pytest.raises(BadRequestError, match="and 45 more") as caught:
        await asking(script).attributes.update("objects", "people", "a", title="b")

    assert len(str(caught.value)) < 4_000
    assert len(caught.value.validation_errors) == 50


async def test_the_undocumented_issues_of_a_400_are_in_the_error(asking: Asking) -> None:
    issues = [
        {"code": "invalid_type", "path": ["data", "title"], "message": "Required", "expected": "string"},
        {"code": "unrecognized_keys", "path": [], "message": "Unrecognized key", "received": ["colour"]},
        {"path": ["data", "config", 0], "code": "odd"},
        {},
    ]
    script = Script(
        refusal(400, "invalid_request_error", "validation_type", "Body payload is wrong.", validation_errors=issues)
    )

    with pytest.raises(BadRequestError) as caught:
        await asking(script).attributes.update("objects", "people", "a", title="b")

    error = caught.value
    assert (error.status_code, error.type, error.code) == (400, "invalid_request_error", "validation_type")
    assert (error.detail, error.request_id) == ("Body payload is wrong.", "exec-1")
    assert error.validation_errors == (
        ValidationIssue("invalid_type", ("data", "title"), "Required", expected="string"),
        ValidationIssue("unrecognized_keys", (), "Unrecognized key", received='["colour"]'),
        ValidationIssue("odd", ("data", "config", 0)),
    )
    assert "Body payload is wrong (data.title: Required; Unrecognized key; data.config.0: odd)" in str(error)
    assert pickle.loads(pickle.dumps(error)).validation_errors == error.validation_errors


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (["title is required"], "title is required"),
        ({"title": ["is required"]}, r'title: \[\["is required"\]\]|title: \["is required"\]'),
        ("title is required", "title is required"),
    ],
)
async def test_issues_in_other_formats_are_in_the_message_too(asking: Asking, found: Any, words: str) -> None:
    script = Script(refusal(400, "invalid_request_error", "odd", "Wrong.", validation_errors=found))

    with pytest.raises(BadRequestError, match=words):
        await asking(script).attributes.update("objects", "people", "a", title="b")


@pytest.mark.parametrize("found", [None, "text", 7, {"path": "title"}, [None], [{}]])
async def test_malformed_validation_errors_do_not_hide_the_message(asking: Asking, found: Any) -> None:
    script = Script(refusal(400, "invalid_request_error", "value_not_found", "No such thing.", validation_errors=found))

    with pytest.raises(BadRequestError, match="No such thing"):
        await asking(script).attributes.update("objects", "people", "a", title="b")


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (403, PermissionDeniedError)])
async def test_a_token_that_is_refused_is_not_quoted(asking: Asking, status: int, error: Any) -> None:
    issues = [{"code": "a-token", "path": ["a-token"], "message": "a-token", "expected": "a-token"}]
    script = Script(refusal(status, "auth_error", "unauthorized", "No a-token here.", validation_errors=issues))

    with pytest.raises(error) as caught:
        await asking(script).attributes.get("objects", "people", "a")

    assert caught.value.type == "auth_error"
    assert "a-token" not in f"{caught.value} {vars(caught.value)}"


async def test_closing_the_client_closes_the_pool_and_closing_a_view_does_not(asking: Asking) -> None:
    async with AttioClient("a-token") as client:
        view = client.with_options(timeout=1)
        async with view:
            pass
        assert not client._session._pool.closed
    assert client._session._pool.closed
