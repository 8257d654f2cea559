"""Reads the answers of the token endpoint."""

import datetime as dt
from collections.abc import Collection

import httpx
from attrs import frozen

from exist_async._http.converter import UnreadableError, converter
from exist_async._http.forms import said
from exist_async.errors import ConfigurationError, OAuthError
from exist_async.token_stores import OAuthToken

_ADVICE = {
    "invalid_client": "Check client_id and client_secret.",
    "invalid_request": "Check redirect_uri: it is the one registered with the app.",
}
_LONGEST_LIFE = 100 * 365 * 24 * 3600.0


@frozen
class _Reply:
    """Tokens as the service sends them; `expires_in` is in seconds, and `scope` separated by spaces."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105  (it opens nothing)
    expires_in: float | None = None
    refresh_token: str | None = None
    scope: str | None = None


def token_of(response: httpx.Response, now: float) -> OAuthToken:
    """Read the tokens in a success.

    Args:
        response: The answer.
        now: Seconds since the epoch.

    Raises:
        UnreadableError: There are none, or none that can be used. The message quotes nothing of the answer.
    """
    reply = converter.loads(response.content, _Reply)
    expires_at = None
    if reply.expires_in is not None and reply.expires_in > 0:
        expires_at = dt.datetime.fromtimestamp(now + min(reply.expires_in, _LONGEST_LIFE), dt.UTC)
    try:
        return OAuthToken(
            reply.access_token, reply.refresh_token, expires_at, tuple((reply.scope or "").split()), reply.token_type
        )
    except ConfigurationError as error:
        raise UnreadableError(str(error)) from error


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
