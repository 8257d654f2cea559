"""Parses the answers of the token endpoint."""

import datetime as dt
import json
from typing import Any, cast

from exist_async._json import UnreadableError
from exist_async._secrets import check_token, is_token
from exist_async.errors import (
    ConfigurationError,
    ExistAsyncError,
    NoAnswerError,
    OAuthError,
    RateLimitError,
    StatusError,
)
from exist_async.oauth.callback import printable
from exist_async.token_stores import OAuthToken

_ADVICE = {
    "invalid_client": "Check client_id and client_secret.",
    "invalid_request": "Check redirect_uri: it must be the one that is registered with the app.",
}
_LONGEST_LIFE = 100 * 365 * 24 * 3600.0


def parse_token(content: bytes, now: float) -> OAuthToken:
    """Return the token in a successful answer.

    The old tokens may be invalid by now. So only the access token must be correct: any other field that is not counts
    as missing.

    Args:
        content: The body of the answer.
        now: Seconds since the epoch.

    Raises:
        UnreadableError: There is no usable access token. Nothing of the answer is quoted.
    """
    reply = _parse_object(content)
    if reply is None:
        raise UnreadableError("it is not a JSON object")
    try:
        check_token("access_token", reply.get("access_token"))
    except ConfigurationError as error:
        raise UnreadableError(str(error)) from error
    life = _parse_life(reply.get("expires_in"))
    refresh_token, token_type = reply.get("refresh_token"), reply.get("token_type")
    return OAuthToken(
        reply["access_token"],
        refresh_token if is_token(refresh_token) else None,
        None if life is None else dt.datetime.fromtimestamp(now + life, dt.UTC),
        _parse_scope(reply.get("scope")),
        token_type if is_token(token_type) else "Bearer",
    )


def refusal(error: ExistAsyncError, *, invalid_grant: type[OAuthError], advice: str) -> OAuthError:
    """Return the OAuthError for an error of a token request.

    Args:
        error: The error.
        invalid_grant: The class of the error if the grant is not valid.
        advice: The remedy in that case.
    """
    # A 5xx may have been carried out, and is the cause of an OutcomeUnknownError.
    answer = error.__cause__ if isinstance(error, NoAnswerError) else error
    if not isinstance(answer, StatusError | RateLimitError) or answer.status_code is None:
        return OAuthError(f"The token request failed: {error}")
    status, code = answer.status_code, printable(answer.code)
    description = None if answer.detail == answer.code else printable(answer.detail)
    cls = OAuthError
    if code == "invalid_grant":
        cls = invalid_grant
    elif 300 <= status < 400:
        advice = "A redirect is never followed: check base_url."
    elif status in (408, 429) or status >= 500:
        advice = "The service is busy or failing: try again later."
    else:
        advice = _ADVICE.get(code or "", "")
    message = ": ".join(filter(None, (f"The token request was answered with {status}", code, description)))
    return cls(
        f"{message}{'' if message.endswith(('.', '?', '!')) else '.'} {advice}".rstrip(),
        code=code,
        description=description,
        status_code=status,
    )


def _parse_object(content: bytes) -> dict[str, Any] | None:
    """Return the fields of a JSON object; None instead of an error, which would quote all of it."""
    try:
        # The package's own decoder refuses all of it for one NaN, number or byte that is not allowed.
        reply: object = json.loads(content.decode("utf-8-sig", "replace"), parse_int=float)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", reply) if isinstance(reply, dict) else None


def _parse_life(seconds: object) -> float | None:
    """Return how many seconds a token is valid, a hundred years at most; None if that is not known."""
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit():
        seconds = float(seconds)
    # The comparison is false for NaN. A token that is valid for less than a second would be refreshed every time.
    if not isinstance(seconds, float) or not seconds >= 1:
        return None
    return min(seconds, _LONGEST_LIFE)


def _parse_scope(scope: object) -> tuple[str, ...]:
    """Return the names in a scope, which is a string or a list of strings; none if it is anything else."""
    parts = cast("list[object]", scope) if isinstance(scope, list) else [scope]
    names = [name for part in parts for name in (part.split() if isinstance(part, str) else [part])]
    good = [name for name in names if is_token(name)]
    return tuple(good) if len(good) == len(names) else ()
