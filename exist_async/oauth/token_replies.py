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

_REMEDIES = {
    "invalid_client": "Check client_id and client_secret.",
    "invalid_request": "Check redirect_uri: it must be the one that is registered with the app.",
}
_LARGEST = 1_048_576  # bytes; more would block the event loop for seconds
_LONGEST_LIFE = 100 * 365 * 24 * 3600.0


def parse_token(content: bytes, now: float) -> OAuthToken:
    """Return the token in a successful answer, or raise an UnreadableError that quotes nothing of it.

    The old tokens may be invalid by now, so only the access token must be valid: any other field that is invalid
    counts as missing. `now` is in seconds since the epoch.
    """
    if len(content) > _LARGEST:
        raise UnreadableError("it is much larger than a token")
    try:
        # The package's own decoder would refuse the whole answer for one NaN, number or byte that is not allowed.
        reply = json.loads(content.decode("utf-8-sig", "replace"), parse_int=float)
    except (ValueError, RecursionError):
        reply = None
    # Outside the handler: the error of the decoder contains the whole answer.
    if not isinstance(reply, dict):
        raise UnreadableError("it is not a JSON object")
    fields = cast("dict[str, Any]", reply)
    try:
        check_token("access_token", fields.get("access_token"))
    except ConfigurationError as error:
        raise UnreadableError(str(error)) from error
    life = _parse_life(fields.get("expires_in"))
    refresh_token, token_type = fields.get("refresh_token"), fields.get("token_type")
    return OAuthToken(
        fields["access_token"],
        refresh_token if is_token(refresh_token) else None,
        None if life is None else dt.datetime.fromtimestamp(now + life, dt.UTC),
        _parse_scope(fields.get("scope")),
        token_type if is_token(token_type) else "Bearer",
    )


def refusal(error: ExistAsyncError, invalid_grant: type[OAuthError], remedy: str) -> OAuthError:
    """Return the OAuthError for an error of a token request; its class and remedy are given for an invalid grant."""
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
        remedy = "A redirect is never followed: check base_url."
    elif status in (408, 429) or status >= 500:
        remedy = "The service is busy or failing: try again later."
    else:
        remedy = _REMEDIES.get(code or "", "")
    message = ": ".join(filter(None, (f"The token request was answered with {status}", code, description)))
    return cls(
        f"{message}{'' if message.endswith(('.', '?', '!')) else '.'} {remedy}".rstrip(),
        code=code,
        description=description,
        status_code=status,
    )


def _parse_life(seconds: object) -> float | None:
    """Return the seconds for which a token is valid, a hundred years at most; None if unknown."""
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit():
        seconds = float(seconds)
    # The comparison is false for NaN. A token that is valid for less than a second would be refreshed every time.
    if not isinstance(seconds, float) or not seconds >= 1:
        return None
    return min(seconds, _LONGEST_LIFE)


def _parse_scope(scope: object) -> tuple[str, ...]:
    """Return the names in a scope, which is a string or a list of strings; empty for anything else."""
    parts = cast("list[object]", scope) if isinstance(scope, list) else [scope]
    names = [name for part in parts for name in (part.split() if isinstance(part, str) else [part])]
    good = [name for name in names if is_token(name)]
    return tuple(good) if len(good) == len(names) else ()
