"""Reads the answers of the token endpoint."""

import datetime as dt
import json
from collections.abc import Collection
from typing import Any, cast

import httpx

from exist_async._http.forms import said
from exist_async._json import UnreadableError
from exist_async._secrets import check_token, is_token
from exist_async.errors import ConfigurationError, OAuthError
from exist_async.token_stores import OAuthToken

_ADVICE = {
    "invalid_client": "Check client_id and client_secret.",
    "invalid_request": "Check redirect_uri: it is the one registered with the app.",
}
_LONGEST_LIFE = 100 * 365 * 24 * 3600.0


def token_of(response: httpx.Response, now: float) -> OAuthToken:
    """Read the tokens in a success.

    By now the old tokens may have ended. So only the access token has to be right: of the others, what is none counts
    as left out.

    Args:
        response: The answer.
        now: Seconds since the epoch.

    Raises:
        UnreadableError: There is no access token, or none that can be used. Nothing of the answer is quoted.
    """
    reply = _fields(response.content)
    if reply is None:
        raise UnreadableError("it is no JSON object")
    try:
        check_token("access_token", reply.get("access_token"))
    except ConfigurationError as error:
        raise UnreadableError(str(error)) from error
    life = _life(reply.get("expires_in"))
    refresh_token, token_type = reply.get("refresh_token"), reply.get("token_type")
    return OAuthToken(
        reply["access_token"],
        refresh_token if is_token(refresh_token) else None,
        None if life is None else dt.datetime.fromtimestamp(now + life, dt.UTC),
        _scope(reply.get("scope")),
        token_type if is_token(token_type) else "Bearer",
    )


def refusal(
    response: httpx.Response, secrets: Collection[str], *, invalid_grant: type[OAuthError], advice: str
) -> OAuthError:
    """Return the error that an answer is.

    Args:
        response: The answer.
        secrets: Those in the request. What repeats one of them is not shown.
        invalid_grant: The class of the error where the grant is not valid.
        advice: What to do then.
    """
    status = response.status_code
    description, code = said(response, secrets)
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


def _fields(content: bytes) -> dict[str, Any] | None:
    """Return the fields of a JSON object, or None where there is none; the error would hold the whole of it."""
    try:
        # The converter refuses all of it for a NaN, a number too large or a byte too odd, wherever that stands.
        reply: object = json.loads(content.decode("utf-8-sig", "replace"), parse_int=float)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", reply) if isinstance(reply, dict) else None


def _life(seconds: object) -> float | None:
    """Return how long a token lives, a hundred years at most; None when that is not said."""
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit():
        seconds = float(seconds)
    # NaN is not above anything. With less than a second, it would be renewed for each request.
    if not isinstance(seconds, float) or not seconds >= 1:
        return None
    return min(seconds, _LONGEST_LIFE)


def _scope(scope: object) -> tuple[str, ...]:
    """Return the parts of a scope, a string or a list of strings; none when it is something else."""
    parts = cast("list[object]", scope) if isinstance(scope, list) else [scope]
    words = [word for part in parts for word in (part.split() if isinstance(part, str) else [part])]
    good = [word for word in words if is_token(word)]
    return tuple(good) if len(good) == len(words) else ()
