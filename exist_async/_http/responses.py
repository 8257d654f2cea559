"""Judges an answer: what it says, or which error it is."""

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx

from exist_async._http.call import Call
from exist_async._http.error_bodies import said
from exist_async._json import UnreadableError, decode
from exist_async._secrets import LONGEST_FORM, credentials_of, without
from exist_async.errors import (
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

T = TypeVar("T")

_SHOWN = 500
_LONGEST_CHARACTER = 4
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


def failure(response: httpx.Response, call: Call, now: float) -> ExistAsyncError | None:
    """Return the error that an answer is, or None where it is a success.

    Args:
        response: The answer, read to its end.
        call: What was asked.
        now: Seconds since the epoch, for a Retry-After that is a date.
    """
    status = response.status_code
    if 200 <= status < 300:
        return None
    if status == 429:
        return _rate_limited(response, call, now)
    error = _status_error(response, call, now)
    if not call.is_read and (status == 408 or not 300 <= status < 500):
        # Parts of the write may have been carried out before it failed; and a status below 200 ends no request.
        return _because(unknown(call, f"the service may have failed halfway ({error})"), error)
    return error


def read(response: httpx.Response, call: Call, model: type[T]) -> T:
    """Read a success into its model.

    Raises:
        NoAnswerError: The body is no JSON, or not of the model's shape.
        OutcomeUnknownError: The same, for a write.
    """
    try:
        return decode(response.content, model)
    except UnreadableError as error:
        why = without(credentials_of(response.request), str(error))
    # Outside of the handler: the error quotes the body, which may repeat the request's credentials.
    content_type = _header(response, "content-type") or "no content type"
    what = f"answered {response.status_code} with {content_type} that can't be read ({why}): {_shown(response)!r}"
    raise unanswered(call, what) from UnreadableError(why)


def unanswered(call: Call, what: str) -> NoAnswerError:
    """Make the error for a request that was sent and has no readable answer."""
    return NoAnswerError(f"{call}: {what}") if call.is_read else unknown(call, what)


def unknown(call: Call, what: str) -> OutcomeUnknownError:
    """Make the error for a write that may or may not have been carried out."""
    advice = "Doing it again is harmless." if call.repeatable else "Look before you do it again: it may count twice."
    return OutcomeUnknownError(
        f"{call}: {what}. It may have been carried out. {advice}",
        repeatable=call.repeatable,
    )


def retry_after(value: str | None, now: float) -> float | None:
    """Read a Retry-After header: whole seconds or an HTTP date; None where it is absent or says nothing sensible."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        # Twelve digits are thirty thousand years; more would only overflow.
        return float(value.lstrip("0")[:12] or "0")
    try:
        moment = parsedate_to_datetime(value)
        # A date of HTTP is one of UTC, whether it says so or not.
        return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _rate_limited(response: httpx.Response, call: Call, now: float) -> RateLimitError:
    seconds = retry_after(response.headers.get("retry-after"), now)
    body = said(response)
    detail = body.words
    when = "It did not say for how long" if seconds is None else f"The next request can be let in in {seconds:.0f} s"
    return RateLimitError(
        f"{call}: the service lets in no more requests of this user for now (429){f': {detail}' if detail else ''} "
        f"{when}. Call again then, or raise max_wait.",
        retry_after=seconds,
        status_code=429,
        detail=body.detail,
        code=body.code,
        type=body.type,
        request_id=_request_id(response),
    )


def _status_error(response: httpx.Response, call: Call, now: float) -> StatusError:
    status = response.status_code
    body = said(response)
    detail, words = body.detail, body.words
    if words is None and 300 <= status < 400:
        detail = words = "a redirect, which is never followed: check base_url"
    quoted = f": {words}" if words else ""
    advice = f" {_ADVICE[status]}" if status in _ADVICE else ""
    cls = _CLASSES.get(status) or (ServerError if status >= 500 else StatusError)
    return cls(
        f"{call} was answered with {status}{quoted}{'' if quoted.endswith('.') else '.'}{advice}",
        status_code=status,
        method=call.method,
        path=call.path,
        detail=detail,
        code=body.code,
        body=_shown(response),
        request_id=_request_id(response),
        retry_after=retry_after(response.headers.get("retry-after"), now),
        type=body.type,
        validation_errors=body.issues,
    )


def _shown(response: httpx.Response) -> str:
    """Return the beginning of the body as text."""
    secret = credentials_of(response.request)
    # Of megabytes no more than that is needed, were it nothing but secrets, each of which becomes shorter.
    beginning = response.content[: _SHOWN * (LONGEST_FORM * len(secret) + _LONGEST_CHARACTER)]
    text = without(secret, beginning.decode("utf-8", "replace"))
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _request_id(response: httpx.Response) -> str | None:
    return next(filter(None, (_header(response, name) for name in _REQUEST_ID_HEADERS)), None)


def _header(response: httpx.Response, name: str) -> str | None:
    """Return a header, without the request's credentials."""
    value: str | None = response.headers.get(name)
    return None if value is None else without(credentials_of(response.request), value)


def _because(error: ExistAsyncError, cause: Exception) -> ExistAsyncError:
    error.__cause__ = cause
    return error
