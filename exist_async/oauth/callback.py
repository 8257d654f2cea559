"""Extracts the code from the URL that a user is sent back with."""

import re
import secrets
from urllib.parse import parse_qs, urlsplit

from exist_async._checks import wrong_type
from exist_async._secrets import check_token, is_token
from exist_async.errors import ConfigurationError, OAuthError

BARE_QUERY = re.compile("(^|&)(code|state|error)=")
_LONGEST_TEXT = 300

_BEGIN_AGAIN = "Begin signing in again, with a new authorization_url()."


def code_of(callback: str, state: str | None) -> str:
    """Return the code in a callback URL (or its path and query), or a bare code as it is; see `OAuthApp.exchange`."""
    if not isinstance(callback, str):  # pyright: ignore[reportUnnecessaryIsInstance]  (callers without a type checker)
        raise wrong_type("callback_url_or_code", "a string", callback)
    if not isinstance(state, str | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type("state", "the state of authorization_url(), or None", state)
    callback = callback.strip()
    # No error quotes it, because it contains the code.
    if "://" not in callback and "?" not in callback:
        if BARE_QUERY.search(callback):
            raise ConfigurationError(
                "callback_url_or_code is a query without a URL: give the whole URL, or put a '?' before the query"
            )
        if state is not None:
            raise ConfigurationError("state is compared with the callback URL's: give the whole URL, not only the code")
        check_token("the code", callback)
        return callback
    try:
        query = parse_qs(urlsplit(callback).query)
    except ValueError:
        raise ConfigurationError("callback_url_or_code is not a valid URL") from None
    # Before the state is compared: a refusal is harmless, and explains why there is no code.
    _raise_refusal(query)
    if state is not None:
        _compare_states(_single(query, "state"), state)
    code = _single(query, "code")
    if code is None:
        raise OAuthError(f"The callback URL has neither a code nor an error. {_BEGIN_AGAIN}")
    # Not a ConfigurationError, because the caller did not write the URL.
    if not is_token(code):
        raise OAuthError(f"The code in the callback URL contains a character that no code has. {_BEGIN_AGAIN}")
    return code


def _raise_refusal(query: dict[str, list[str]]) -> None:
    if code := printable(_single(query, "error")):
        description = printable(_single(query, "error_description"))
        reason = description or ("the user refused" if code == "access_denied" else "the service refused")
        raise OAuthError(f"Signing in ended with {code}: {reason}. {_BEGIN_AGAIN}", code=code, description=description)


def _compare_states(returned: str | None, state: str) -> None:
    if returned is None:
        raise OAuthError(
            "The callback URL lacks the state that authorization_url() sent, so it may belong to another user. "
            f"{_BEGIN_AGAIN} Exist does not document that it returns the state: if it never does, call exchange() "
            "without state, and only with URLs that certainly come from your own user's browser."
        )
    if not secrets.compare_digest(*(text.encode("utf-8", "surrogatepass") for text in (returned, state))):
        raise OAuthError(
            "The callback URL has another state than the one that authorization_url() sent: it belongs to another "
            f"attempt to sign in, or was forged. Don't use it. {_BEGIN_AGAIN}"
        )


def _single(query: dict[str, list[str]], name: str) -> str | None:
    values = query.get(name, [])
    if len(values) > 1:
        raise OAuthError(f"The callback URL has {name} more than once. {_BEGIN_AGAIN}")
    return values[0] if values else None


def printable(text: str | None) -> str | None:
    """Return a service's text as one line of limited length, without control characters; None if it is empty."""
    if not text:
        return None
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= _LONGEST_TEXT else line[:_LONGEST_TEXT] + "…"
