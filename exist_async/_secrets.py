"""Checks tokens, and hides them in texts, errors and pickles."""

import re
from contextlib import suppress
from html import escape
from typing import TypeGuard

import httpx

from exist_async.errors import ConfigurationError

# Visible ASCII: all that a header can carry and a token can contain.
_TOKEN = re.compile("[!-~]+")

_HIDDEN = "[secret]"
# Hiding a shorter one would only garble texts that happen to contain it.
_SHORTEST_TOKEN = 6

LONGEST_FORM = 6
"""The most characters that one character of a secret is written with, as in `&quot;`."""


class Unpicklable:
    """Base of classes that hold a secret: refuses pickling and deep copies, which would carry it elsewhere."""

    __slots__ = ()

    def __reduce__(self) -> str:
        raise TypeError(f"{type(self).__name__} holds a secret and can't be pickled: create it where it is needed")


def is_token(value: object) -> TypeGuard[str]:
    """Whether a value can be a token: a string of visible ASCII, and not empty."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def check_token(name: str, value: object) -> None:
    """Check a token, or another secret of its kind: visible ASCII only. It is never quoted.

    Raises:
        ConfigurationError: It is not a string, is empty, or contains characters that no header can carry.
    """
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
    """Return a text with secrets hidden, whether they are written plainly or as URLs, JSON or HTML write them."""
    for secret in secrets:
        if secret:
            text = re.sub("".join(map(_forms_of, secret)), _HIDDEN, text, flags=re.IGNORECASE)
    return text


def redact_errors(error: BaseException) -> None:
    """Remove headers, bodies and credentials from httpx's errors: from this one and from all errors behind it.

    Some of them quote what the service sent, which may repeat the request's token.
    """
    chain = [error]
    secret = ""
    for each in chain:
        if isinstance(each, httpx.RequestError):
            # httpx raises RuntimeError for an error without a request.
            with suppress(RuntimeError):
                secret = secret or credentials_of(each.request)
                each.request = httpx.Request(each.request.method, each.request.url)
        if secret:
            each.args = tuple(redact(text, secret) if isinstance(text, str) else text for text in each.args)
        chain += [behind for behind in (each.__cause__, each.__context__) if behind is not None and behind not in chain]


def _forms_of(character: str) -> str:
    """Return a pattern for all the ways in which a character of a secret can be written."""
    number, plain = ord(character), re.escape(character)
    encoded = rf"%{number:02x}|\\u{number:04x}|&#0*{number};|&#x{number:x};"
    if character.isalnum():
        return f"(?:{plain}|{encoded})"
    return rf"(?:\\?{plain}|{encoded}|{re.escape(escape(character))})"
