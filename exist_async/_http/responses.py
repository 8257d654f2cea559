"""Decodes an answer into its model, or raises the error that it is."""

import logging
import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn, TypeVar, cast

import httpx
from attrs import frozen

from exist_async import _json
from exist_async._http.call import Call
from exist_async._json import UnreadableError
from exist_async._secrets import LONGEST_FORM, credentials_of, redact
from exist_async.errors import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NoAnswerError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StatusError,
    ValidationIssue,
)

T = TypeVar("T")

_log = logging.getLogger("exist_async")

_EXCERPT = 500  # characters of a body or a message that are quoted
_MOST_PARSED = 65_536  # bytes of an error's body
_MOST_BYTES = 16_384  # of the reply to one item, without what it repeats of the item
_MOST_OBJECTS = 64  # of the reply to one item; a whole attribute has one for each service that it is available from
_MOST_REPEATS = 4  # of an item in its reply
_MOST_PLACES = 5  # of an answer's fields that were left out, in a line of the log
_MOST_ISSUES = 5  # fields of a request that are named in a message
_REQUEST_ID_HEADERS = ("x-request-id", "x-attio-execution-id")

_CLASSES: dict[int, type[StatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
}
_ADVICE = {
    401: "Check the token: it is wrong, expired, or of another service.",
    403: "The token lacks the scope for this, or is read-only: sign in again and ask for the scope.",
}


def decode(response: httpx.Response, call: Call, model: type[T], now: float) -> T:
    """Return the model that a successful answer to a call contains; for `bytes`, the body as it is.

    `now` is the number of seconds since the epoch, for a Retry-After that is a date.

    Raises:
        RateLimitError: A 429.
        StatusError: Another status that is not a success.
        NoAnswerError: A success that is not JSON, or something essential of it is not of the model's shape.
        OutcomeUnknownError: The same for a write; also a 408 or 5xx, since a part of it may have been carried out.
    """
    if not 200 <= response.status_code < 300:
        _raise_error(response, call, now)
    if model is bytes:
        return cast("T", response.content)
    try:
        if call.item_count:
            _check_size(response.content, call)
        try:
            return _json.decode(response.content, model)
        except UnreadableError as error:
            return _decode_leniently(response.content, call, model, error)
    except UnreadableError as error:
        reason = redact(str(error), credentials_of(response.request), *call.secrets)
    # Outside the handler: the error quotes the body, which may repeat the request's credentials.
    content_type = _header(response, call, "content-type") or "no content type"
    excerpt = _excerpt(_redacted_body(response, call))
    raise no_answer(
        call, f"answered {response.status_code} with {content_type} that can't be read ({reason}): {excerpt!r}"
    ) from UnreadableError(reason)


def _check_size(content: bytes, call: Call) -> None:
    """Raise UnreadableError for millions of entries. They take seconds to decode, and are some kilobytes of gzip."""
    sent = call.body or b""
    if len(content) > _MOST_BYTES * (call.item_count + 1) + _MOST_REPEATS * len(sent) or content.count(
        b"{"
    ) > _MOST_OBJECTS * (call.item_count + 1) + _MOST_REPEATS * sent.count(b"{"):
        raise UnreadableError("it is much larger than an answer to these items")


def _decode_leniently(content: bytes, call: Call, model: type[T], error: UnreadableError) -> T:
    answer, left_out = _json.decode_leniently(content, model, error)
    if left_out:
        more = ", …" if len(left_out) > _MOST_PLACES else ""
        places = ", ".join(left_out[:_MOST_PLACES])
        _log.debug("%s: left out of the answer, because it can't be read: %s%s", call, places, more)
    return answer


def no_answer(call: Call, reason: str) -> NoAnswerError:
    """Return the error for a request that was sent and has no readable answer."""
    return NoAnswerError(f"{call}: {reason}") if call.is_read else outcome_unknown(call, reason)


def outcome_unknown(call: Call, reason: str) -> OutcomeUnknownError:
    """Return the error for a write that may or may not have been carried out."""
    advice = "Doing it again is harmless." if call.repeatable else "Check before you do it again: it may count twice."
    return OutcomeUnknownError(
        f"{_sentence(f'{call}: {reason}')} It may have been carried out. {advice}", repeatable=call.repeatable
    )


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds in a Retry-After header, which are digits or an HTTP date; None if it is neither."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        # Twelve digits are thirty thousand years; more would only overflow.
        return float(value.lstrip("0")[:12] or "0")
    try:
        date = parsedate_to_datetime(value)
        # HTTP dates are in UTC, whether they say so or not.
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _raise_error(response: httpx.Response, call: Call, now: float) -> NoReturn:
    status = response.status_code
    body = _redacted_body(response, call)
    content = _parse_error(body)
    seconds = parse_retry_after(response.headers.get("retry-after"), now)
    if status == 429:
        raise _rate_limited(response, call, content, seconds)
    detail, message = content.detail, content.message
    if message is None and 300 <= status < 400:
        detail = message = "a redirect, which is never followed: check base_url"
    quoted = f": {message}" if message else ""
    advice = f" {_ADVICE[status]}" if status in _ADVICE else ""
    cls = _CLASSES.get(status) or (ServerError if status >= 500 else StatusError)
    error = cls(
        _sentence(f"{call} was answered with {status}{quoted}") + advice,
        status_code=status,
        method=call.method,
        path=call.path,
        detail=detail,
        code=content.code,
        body="" if call.is_token_request else _excerpt(body),
        request_id=_request_id(response, call),
        retry_after=seconds,
        type=content.type,
        validation_errors=content.issues,
    )
    if not call.is_read and (status == 408 or not 300 <= status < 500):
        # Parts of the write may have been carried out; and a status below 200 does not end a request.
        raise outcome_unknown(call, f"answered with {status}{quoted}") from error
    raise error


def _rate_limited(
    response: httpx.Response, call: Call, content: "_ErrorContent", seconds: float | None
) -> RateLimitError:
    quoted = f": {content.message}" if content.message else ""
    when = "later" if seconds is None else f"in {max(1, math.ceil(seconds))} s"
    # Signing in has no max_wait.
    remedy = "" if call.is_token_request else ", or raise max_wait"
    return RateLimitError(
        _sentence(f"{call}: the service accepts no more requests of this user for now (429){quoted}")
        + f" Call again {when}{remedy}.",
        retry_after=seconds,
        status_code=429,
        detail=content.detail,
        code=content.code,
        type=content.type,
        request_id=_request_id(response, call),
    )


def _sentence(text: str) -> str:
    """Return a text that may end in a service's message, with a full stop unless it ends a sentence already."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


@frozen(eq=False, repr=False)
class _ErrorContent:
    """The content of an error's body. None of it is sure to be there."""

    detail: str | None = None
    code: str | None = None
    type: str | None = None
    issues: tuple[ValidationIssue, ...] = ()

    @property
    def message(self) -> str | None:
        """The service's message, with the fields of the request that it found wrong."""
        detail = None if self.detail is None else _excerpt(self.detail)
        if not self.issues:
            return detail
        named = [str(issue)[:_EXCERPT] for issue in self.issues[:_MOST_ISSUES]]
        if len(self.issues) > _MOST_ISSUES:
            named.append(f"and {len(self.issues) - _MOST_ISSUES} more")
        return f"{(detail or 'invalid').rstrip('.')} ({'; '.join(named)})"


def _redacted_body(response: httpx.Response, call: Call) -> str:
    """Return the beginning of a body as text, without the request's secrets, which the service may repeat."""
    secrets = (credentials_of(response.request), *call.secrets)
    text = redact(response.content[:_MOST_PARSED].decode("utf-8", "replace"), *secrets)
    if len(response.content) <= _MOST_PARSED:
        return text
    # A secret at the end may be incomplete, and is not recognised.
    return text[: max(0, len(text) - LONGEST_FORM * max(map(len, secrets)))]


def _parse_error(body: str) -> _ErrorContent:
    """Parse the body of an error, in whichever of the known shapes it has."""
    try:
        fields = _json.decode(body.encode(), dict[str, Any])
    except UnreadableError:
        return _ErrorContent()
    error, code = fields.get("error"), fields.get("code")
    detail = fields.get("detail") or fields.get("error_description") or fields.get("message")
    issues = _parse_issues(fields.get("validation_errors"))
    if detail is None and not issues:
        # {"field": ["message", ...]} is Exist's answer to invalid input.
        listed = [
            f"{name}: {' '.join(as_text(entry) or '' for entry in cast('list[object]', messages))}"
            for name, messages in fields.items()
            if isinstance(messages, list)
        ]
        detail = "; ".join(listed) or error
    return _ErrorContent(
        _text_or_none(detail), _text_or_none(error if code is None else code), _text_or_none(fields.get("type")), issues
    )


def _parse_issues(found: object) -> tuple[ValidationIssue, ...]:
    """Parse Attio's `validation_errors`. They are not documented, so they may have any shape."""
    if isinstance(found, Mapping):
        fields = cast("Mapping[str, object]", found)
        return tuple(ValidationIssue(path=(name,), message=as_text(message)) for name, message in fields.items())
    entries = cast("list[object]", found) if isinstance(found, list) else [found]
    return tuple(_parse_issue(entry) for entry in entries if entry)


def _parse_issue(found: object) -> ValidationIssue:
    if not isinstance(found, Mapping):
        return ValidationIssue(message=as_text(found))
    entry = cast("Mapping[str, Any]", found)
    path = entry.get("path")
    steps = cast("list[object]", path) if isinstance(path, list) else [path]
    return ValidationIssue(
        code=_text_or_none(entry.get("code")),
        path=tuple(step for step in steps if isinstance(step, str | int)),
        message=_text_or_none(entry.get("message")),
        expected=as_text(entry.get("expected")),
        received=as_text(entry.get("received")),
    )


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def as_text(value: object) -> str | None:
    """Return a string as it is, and any other value as JSON."""
    if value is None or isinstance(value, str):
        return value
    try:
        return _json.encode(value).decode()
    except RecursionError:
        return "(nested too deeply to be shown)"


def _excerpt(text: str) -> str:
    return text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"


def _request_id(response: httpx.Response, call: Call) -> str | None:
    return next(filter(None, (_header(response, call, name) for name in _REQUEST_ID_HEADERS)), None)


def _header(response: httpx.Response, call: Call, name: str) -> str | None:
    """Return a header, without the request's secrets."""
    value: str | None = response.headers.get(name)
    return None if value is None else redact(value, credentials_of(response.request), *call.secrets)
