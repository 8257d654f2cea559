"""Judging answers: which error each is, what it says, and what it keeps to itself."""

import json
import re
from typing import Any

import httpx
import pytest

from exist_async import (
    Attribute,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ExistAsyncError,
    NoAnswerError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StatusError,
)
from exist_async._http import responses
from exist_async._http.call import Call
from exist_async.batch.matching import Reply
from exist_async.values.models import ValueEcho

READ = Call("GET", "/api/2/attributes/")
WRITE = Call("POST", "/api/2/attributes/acquire/", body=b"[]")
NOW = 1_800_000_000.0


def answer(status: int, body: bytes | None = None, *, json: Any = None, **headers: str) -> httpx.Response:
    request = httpx.Request("GET", "https://exist.io", headers={"Authorization": "Bearer s3cr3t"})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content: dict[str, Any] = {"content": body or b""} if json is None else {"json": json}
    return httpx.Response(status, headers=named, request=request, **content)


def error_of(response: httpx.Response, call: Call) -> ExistAsyncError | None:
    """Return the error that an answer is, or None."""
    try:
        responses.decode(response, call, bytes, NOW)
    except ExistAsyncError as error:
        return error
    return None


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_is_no_error(status: int) -> None:
    assert error_of(answer(status), WRITE) is None


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (301, StatusError),
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (405, StatusError),
        (408, StatusError),
        (409, ConflictError),
        (418, StatusError),
        (500, ServerError),
        (503, ServerError),
        (520, ServerError),
    ],
)
def test_each_status_of_a_read_has_its_class(status: int, cls: type[StatusError]) -> None:
    error = error_of(answer(status, json={"detail": "Because."}), READ)

    assert type(error) is cls
    assert isinstance(error, StatusError)
    assert (error.status_code, error.method, error.path, error.detail) == (
        status,
        "GET",
        "/api/2/attributes/",
        "Because.",
    )


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520])
def test_a_write_that_failed_halfway_is_unknown_and_says_what_happened(status: int) -> None:
    error = error_of(answer(status, b"<html>Bad gateway</html>"), WRITE)

    assert isinstance(error, OutcomeUnknownError)
    assert isinstance(error.__cause__, StatusError)
    assert error.repeatable


def test_a_write_says_whether_it_may_be_repeated() -> None:
    increment = Call("POST", "/api/2/attributes/increment/", repeatable=False)

    error = error_of(answer(500), increment)

    assert isinstance(error, OutcomeUnknownError)
    assert not error.repeatable
    assert "count twice" in str(error)


@pytest.mark.parametrize(
    ("body", "detail", "code"),
    [
        ({"detail": "Invalid token."}, "Invalid token.", None),
        ({"error": "not_found"}, "not_found", "not_found"),
        ({"error": "invalid_grant", "error_description": "The code was used."}, "The code was used.", "invalid_grant"),
        ({"limit": ["A number.", "Not empty."]}, "limit: A number. Not empty.", None),
        ({"non_field_errors": ["Too many."]}, "non_field_errors: Too many.", None),
        ({"code": "slug_conflict", "message": "Taken."}, "Taken.", "slug_conflict"),
        ({"detail": {"nested": 1}}, None, None),
        ({"error": 7}, None, None),
        ({"name": [{"deep": "reason"}]}, 'name: {"deep":"reason"}', None),
        ({}, None, None),
        ([], None, None),
        ("text", None, None),
    ],
)
def test_the_words_are_found_in_every_shape_that_errors_come_in(
    body: Any, detail: str | None, code: str | None
) -> None:
    error = error_of(answer(400, json=body), READ)

    assert isinstance(error, StatusError)
    assert (error.detail, error.code) == (detail, code)


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"\xff\xfe", b"[" * 100_000])
def test_an_error_without_words_is_an_error_all_the_same(body: bytes) -> None:
    error = error_of(answer(502, body), READ)

    assert isinstance(error, ServerError)
    assert error.detail is None
    assert len(error.body) <= 501


def test_the_service_s_name_for_the_request_is_kept() -> None:
    error = error_of(answer(500, x_request_id="abc-1"), READ)

    assert isinstance(error, ServerError)
    assert error.request_id == "abc-1"


def test_a_redirect_says_that_it_is_not_followed() -> None:
    error = error_of(answer(301, location="https://evil.example/"), READ)

    assert "never followed" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        b"<pre>Authorization: Bearer s3cr3t</pre>",
        b'{"detail": "token s3cr3t is wrong"}',
        b'{"x": ["s3cr3t"]}',
        b'{"error": "s3cr3t"}',
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("call", [READ, WRITE])
def test_a_token_that_the_answer_repeats_is_kept_out_of_the_error(body: bytes, status: int, call: Call) -> None:
    response = answer(status, body)

    error: BaseException | None = error_of(response, call)
    if error is None:
        with pytest.raises(NoAnswerError) as caught:
            responses.decode(response, call, Attribute, NOW)
        error = caught.value

    while error is not None:
        assert "s3cr3t" not in f"{error!r} {error} {vars(error)}"
        error = error.__cause__


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"name": 7}', b"[" * 100_000])
def test_a_success_that_cannot_be_read_names_status_and_content_type(body: bytes) -> None:
    with pytest.raises(NoAnswerError, match=r"GET /api/2/attributes/: answered 200 with text/html") as caught:
        responses.decode(answer(200, body, content_type="text/html"), READ, Attribute, NOW)

    assert not isinstance(caught.value, OutcomeUnknownError)


def test_a_write_s_success_that_cannot_be_read_is_unknown() -> None:
    with pytest.raises(OutcomeUnknownError):
        responses.decode(answer(200, b""), WRITE, Attribute, NOW)


def test_a_429_says_when_to_come_back() -> None:
    error = error_of(answer(429, retry_after="7"), WRITE)

    assert isinstance(error, RateLimitError)
    assert (error.retry_after, error.status_code) == (7.0, 429)


def test_a_429_may_say_nothing_at_all() -> None:
    error = error_of(answer(429), WRITE)

    assert isinstance(error, RateLimitError)
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("3600", 3600.0),
        ("9" * 400, 999_999_999_999.0),
        ("nan", None),
        ("inf", None),
        ("-1", None),
        ("1_0", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60.0),
        ("Fri, 15 Jan 2027 07:59:00 GMT", 0.0),
        ("Fri, 99 Jan 2027 08:01:00 GMT", None),
    ],
)
def test_retry_after_is_whole_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert responses.parse_retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    "response",
    [
        answer(200, b'{"name": 7, "active": "s3cr3t"}'),
        answer(200, b"{}", content_type="text/s3cr3t"),
        answer(200, b'{"name": {"s3cr3t": 7}}'),
    ],
)
def test_no_part_of_an_unreadable_answer_brings_the_token_along(response: httpx.Response) -> None:
    with pytest.raises(NoAnswerError) as caught:
        responses.decode(response, WRITE, Attribute, NOW)

    error: BaseException | None = caught.value
    while error is not None:
        assert "s3cr3t" not in f"{error!r}"
        error = error.__cause__ or error.__context__


def test_the_name_of_a_request_that_is_the_token_is_hidden() -> None:
    error = error_of(answer(500, x_request_id="s3cr3t"), READ)

    assert isinstance(error, ServerError)
    assert error.request_id == "[secret]"


def test_a_429_quotes_the_service_and_says_what_to_do() -> None:
    error = error_of(answer(429, json={"detail": "Request was throttled."}, retry_after="7"), READ)

    assert "Request was throttled. Call again in 7 s, or raise max_wait." in str(error)


def test_words_nested_without_end_are_not_shown() -> None:
    error = error_of(answer(400, b'{"x": [' + b"[" * 400 + b"]" * 400 + b"]}"), READ)

    assert isinstance(error, BadRequestError)


def test_a_token_that_json_escapes_is_hidden_too() -> None:
    request = httpx.Request("GET", "https://exist.io", headers={"Authorization": "Bearer sek/ret+tok="})
    response = httpx.Response(400, content=b'{"detail": "Bearer sek\\/ret+tok= is wrong"}', request=request)

    error = error_of(response, READ)

    assert isinstance(error, BadRequestError)
    assert error.detail == "Bearer [secret] is wrong"
    assert "ret+tok" not in f"{error} {vars(error)}"


@pytest.mark.parametrize(
    "written",
    [
        "sek/ret+t&k=",
        "sek%2Fret%2Bt%26k%3D",
        "sek%2fret%2bt%26k%3d",
        "sek\\/ret+t&k=",
        "sek/ret\\u002Bt\\u0026k=",
        "sek/ret+t&amp;k=",
        "sek&#x2F;ret&#43;t&#038;k&#x3d;",
    ],
)
def test_a_token_is_hidden_however_it_is_written(written: str) -> None:
    request = httpx.Request("GET", "https://exist.io", headers={"Authorization": "Bearer sek/ret+t&k="})
    response = httpx.Response(400, text=f"<p>Not {written}!", headers={"X-Request-Id": written}, request=request)

    error = error_of(response, READ)

    assert isinstance(error, BadRequestError)
    assert (error.body, error.request_id) == ("<p>Not [secret]!", "[secret]")


def counting_decode(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the list to which the length of each decoded body is added."""
    decoded: list[int] = []
    decode = responses._json.decode

    def count(data: bytes, model: Any) -> Any:
        decoded.append(len(data))
        return decode(data, model)

    monkeypatch.setattr(responses._json, "decode", count)
    return decoded


@pytest.mark.parametrize(
    "body",
    [
        b'{"failed": [' + b"{}," * 1_000_000 + b"{}]}",
        b'{"failed": [' + b"{}," * 5_000 + b"{}]}",
        b'{"failed": [{"value": [' + b"[]," * 200_000 + b"[]]}]}",
    ],
    ids=["millions of entries", "thousands of entries", "one huge entry"],
)
def test_a_reply_that_is_much_larger_than_the_answer_to_the_items_is_not_decoded(
    monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    decoded = counting_decode(monkeypatch)
    call = Call("POST", "/api/2/attributes/update/", body=b'[{"name": "a"}]', item_count=1)

    with pytest.raises(OutcomeUnknownError, match="much larger than an answer to these items"):
        responses.decode(answer(200, body), call, Reply[ValueEcho], NOW)
    assert decoded == []


def test_a_reply_that_repeats_long_texts_of_all_items_is_decoded() -> None:
    text = "{" * 20_000
    items = [{"name": f"note_{n}", "date": "2026-11-20", "value": text} for n in range(35)]
    failed = [{**item, "error_code": "no", "error": f"Wrong: {text}"} for item in items]
    call = Call("POST", "/api/2/attributes/update/", body=json.dumps(items).encode(), item_count=35)

    reply = responses.decode(answer(200, json={"success": items, "failed": failed}), call, Reply[ValueEcho], NOW)

    assert (len(reply.success), len(reply.failed)) == (35, 35)


def test_of_the_body_of_an_error_only_the_beginning_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = counting_decode(monkeypatch)

    error = error_of(answer(400, b'{"validation_errors": [' + b"{}," * 1_000_000 + b"{}]}"), READ)

    assert isinstance(error, BadRequestError)
    assert error.body is not None
    assert error.body.startswith('{"validation_errors"')
    assert max(decoded) <= 65_536


def test_a_secret_that_the_end_of_the_parsed_part_divides_is_hidden() -> None:
    error = error_of(answer(400, b"s3cr3t " * 9_360 + b"   s3c" + b"r3t" * 10), READ)

    assert isinstance(error, BadRequestError)
    assert error.body is not None
    assert "s3c" not in error.body


@pytest.mark.parametrize(
    ("message", "seconds", "end"),
    [
        ("", None, "for now (429). Call again later, or raise max_wait."),
        ("Slow down!", "7", "(429): Slow down! Call again in 7 s, or raise max_wait."),
        ("Slow down", "0", "(429): Slow down. Call again in 1 s, or raise max_wait."),
    ],
)
def test_a_quoted_message_ends_its_sentence_once(message: str, seconds: str | None, end: str) -> None:
    headers = {} if seconds is None else {"retry_after": seconds}

    assert str(error_of(answer(429, json={"detail": message}, **headers), READ)).endswith(end)


@pytest.mark.parametrize("message", ["No!", "No", "No."])
@pytest.mark.parametrize("status", [400, 500])
def test_no_message_has_two_full_stops(message: str, status: int) -> None:
    for call in (READ, WRITE):
        error = error_of(answer(status, json={"detail": message}), call)

        assert not re.search(r"[.!?][.]|[^.!]$|No [A-Z]", str(error)), str(error)
