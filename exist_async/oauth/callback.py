"""Reads what the service sends a user back with."""

import re
import secrets
from urllib.parse import parse_qs, urlsplit

from exist_async._http.forms import printable
from exist_async._secrets import check_token, is_token
from exist_async.errors import ConfigurationError, OAuthError

_BARE_QUERY = re.compile("(^|&)(code|state|error)=")

_BEGIN_AGAIN = "Begin signing in again, with a new authorization_url()."


def code_of(callback: str, state: str | None) -> str:
    """Return the code in a callback URL, or a bare code as it is.

    Args:
        callback: The whole URL that the user was sent to, or its path and query, or the code alone.
        state: What `authorization_url` returned, to be found again in the URL; None compares nothing.

    Raises:
        ConfigurationError: It is no URL and no code, or it is a bare code with a state to compare it with, or the state
            is no string.
        OAuthError: The user or the service said no, the state is not there or another one, or there is no code that can
            be one.
    """
    if not isinstance(callback, str):  # pyright: ignore[reportUnnecessaryIsInstance]  (callers without a type checker)
        raise ConfigurationError(f"callback_url_or_code is a string, not {type(callback).__name__}")
    if not isinstance(state, str | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"state is what authorization_url() returned, or None, not {type(state).__name__}")
    callback = callback.strip()
    if "://" not in callback and "?" not in callback:
        if _BARE_QUERY.search(callback):
            # It is not quoted: it holds the code.
            raise ConfigurationError(
                "callback_url_or_code is a query without its URL: give the whole URL, or put a '?' before the query"
            )
        if state is not None:
            raise ConfigurationError(
                "state is compared with that in the callback URL: give the whole URL, not the code"
            )
        check_token("the code", callback)
        return callback
    try:
        query = parse_qs(urlsplit(callback).query)
    except ValueError:
        # The URL itself is not quoted: it holds the code.
        raise ConfigurationError("callback_url_or_code is no valid URL") from None
    _refusal(query)
    if state is not None:
        _compare(_one(query, "state"), state)
    code = _one(query, "code")
    if code is None:
        raise OAuthError(f"The callback URL holds neither a code nor an error. {_BEGIN_AGAIN}")
    # Of the caller it is no error: whoever sent the browser here wrote it.
    if not is_token(code):
        raise OAuthError(f"The code in the callback URL holds a character that no code has. {_BEGIN_AGAIN}")
    return code


def _refusal(query: dict[str, list[str]]) -> None:
    # Before the state is compared: a refusal does nothing, and is what the user wants to hear of.
    code = printable(_one(query, "error"), ())
    if code is None:
        return
    description = printable(_one(query, "error_description"), ())
    reason = "the user said no" if code == "access_denied" else "the service said no"
    raise OAuthError(
        f"Signing in ended with {code}: {description or reason}. {_BEGIN_AGAIN}", code=code, description=description
    )


def _compare(returned: str | None, state: str) -> None:
    if returned is None:
        raise OAuthError(
            "The callback URL came back without the state that authorization_url() sent: whose it is can't be told. "
            f"{_BEGIN_AGAIN} Exist does not document that it passes a state on: if it never does, call exchange() "
            "without state, and only for what is sure to come from your own user's browser."
        )
    if not secrets.compare_digest(_bytes(returned), _bytes(state)):
        raise OAuthError(
            "The callback URL has another state than the one that authorization_url() sent: it belongs to another "
            f"attempt to sign in, or was forged. Don't use it. {_BEGIN_AGAIN}"
        )


def _one(query: dict[str, list[str]], name: str) -> str | None:
    values = query.get(name, [])
    if len(values) > 1:
        raise OAuthError(f"The callback URL holds {name} more than once. {_BEGIN_AGAIN}")
    return values[0] if values else None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
