"""Checks tokens, and keeps them out of texts, errors and pickles."""

import re
from contextlib import suppress
from html import escape
from typing import TypeGuard

import httpx

from exist_async.errors import ConfigurationError

# Visible ASCII: all that a header can carry and a token can contain.
_TOKEN_PATTERN = re.compile("[!-~]+")

_HIDDEN = "[secret]"
# A shorter token may occur in a text by chance.
_SHORTEST_TOKEN = 6

# How forms write a space, and JSON some control characters.
_OTHER_FORMS = {" ": r"\+", "\t": r"\\t", "\n": r"\\n", "\r": r"\\r", "\b": r"\\b", "\f": r"\\f"}

LONGEST_FORM = 12
"""The maximum length of one character of a secret in encoded form, such as `&quot;`."""


class Unpicklable:
    """Base of classes that hold a secret: refuses pickling and deep copies, which would copy it elsewhere."""

    __slots__ = ()

    def __reduce__(self) -> str:
        raise TypeError(f"{type(self).__name__} holds a secret and can't be pickled: create it where it is needed")


def is_token(value: object) -> TypeGuard[str]:
    """Whether a value can be a token: a non-empty string of visible ASCII characters."""
    return isinstance(value, str) and _TOKEN_PATTERN.fullmatch(value) is not None


def check_token(name: str, value: object) -> None:
    """Raise ConfigurationError, without quoting it, for a token or a similar secret that is not visible ASCII."""
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a string, not {type(value).__name__}")
    if not value:
        raise ConfigurationError(f"{name} is empty")
    if not is_token(value):
        raise ConfigurationError(f"{name} contains a space, a line break or another character that no token has")


def token_in(authorization: str) -> str:
    """Return the token in an Authorization header."""
    return authorization.rpartition(" ")[2]


def secret_in(authorization: str) -> str:
    """Return the token in an Authorization header that has to be hidden; empty if it is too short to hide."""
    token = token_in(authorization)
    return token if len(token) >= _SHORTEST_TOKEN else ""


def credentials_of(request: httpx.Request) -> str:
    """Return the token in a request's Authorization header that has to be hidden; empty if there is none."""
    return secret_in(request.headers.get("authorization", ""))


def redact(text: str, *secrets: str) -> str:
    """Return a text without the secrets in it, which may be plain or encoded as in URLs, JSON and HTML."""
    for secret in secrets:
        if secret:
            text = re.sub("".join(map(_forms_of, secret)), _HIDDEN, text, flags=re.IGNORECASE)
    return text


def redact_errors(error: BaseException) -> None:
    """Remove headers, bodies and credentials from httpx's errors: from this one and all in its chain.

    Some errors quote the service's reply, which may repeat the request's token.
    """
    chain = [error]
    secret = ""
    for each in chain:
        if isinstance(each, httpx.RequestError):
            # Reading the request of an error that has none raises RuntimeError.
            with suppress(RuntimeError):
                secret = secret or credentials_of(each.request)
                each.request = httpx.Request(each.request.method, each.request.url)
        if secret:
            each.args = tuple(redact(text, secret) if isinstance(text, str) else text for text in each.args)
        chain += [error for error in (each.__cause__, each.__context__) if error is not None and error not in chain]


def _forms_of(character: str) -> str:
    """Return a regular expression for all encoded forms of a character of a secret: plain, in URLs, JSON and HTML."""
    number, plain = ord(character), re.escape(character)
    in_url = "".join(f"%{byte:02x}" for byte in character.encode(errors="surrogatepass"))
    units = character.encode("utf-16-be", errors="surrogatepass").hex()
    in_json = "".join(rf"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
    forms = [plain, in_url, in_json, f"&#0*{number};", f"&#x0*{number:x};", re.escape(escape(character))]
    if not character.isalnum():
        forms.append(rf"\\{plain}")
    if character in _OTHER_FORMS:
        forms.append(_OTHER_FORMS[character])
    return f"(?:{'|'.join(forms)})"
