"""Keeps secrets to those who hold them."""

import re
from contextlib import suppress
from html import escape
from typing import TypeGuard

import httpx

from exist_async.errors import ConfigurationError

# The visible characters of ASCII: all that a header can carry and a token can hold.
_TOKEN = re.compile("[!-~]+")

_HIDDEN = "[secret]"
_SHORTEST_SECRET = 6

LONGEST_FORM = 6
"""The most characters that one of a secret is written with."""


class Unpicklable:
    """Refuses to be pickled and copied deeply, which would carry its secrets elsewhere."""

    __slots__ = ()

    def __reduce__(self) -> str:
        raise TypeError(f"{type(self).__name__} holds a secret and is not pickled: make it again where it is needed")


def is_token(value: object) -> TypeGuard[str]:
    """Whether this can be a token: a string of visible ASCII, and not empty."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def check_token(name: str, value: object) -> None:
    """Check a token, or another secret of its kind: all of it visible ASCII. It is not quoted.

    Raises:
        ConfigurationError: It is no string, is empty, or holds spaces or characters that no header can carry.
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} is a string, not {type(value).__name__}")
    # The token itself is not quoted: this text may end in a log.
    if not value:
        raise ConfigurationError(f"{name} is empty")
    if not is_token(value):
        raise ConfigurationError(f"{name} holds a space, a line break or another character that no token has")


def credentials_of(request: httpx.Request) -> str:
    """Return what signs a request; what is too short to be a secret would only garble the texts it is taken out of."""
    signature: str = request.headers.get("authorization", "")
    secret = signature.rpartition(" ")[2]
    return secret if len(secret) >= _SHORTEST_SECRET else ""


def without(secret: str, text: str) -> str:
    """Return a text in which a secret is hidden, as it is or as writers of URLs, JSON and HTML write it."""
    return re.sub("".join(map(_forms_of, secret)), _HIDDEN, text, flags=re.IGNORECASE) if secret else text


def forget_requests(error: BaseException) -> None:
    """Take headers and bodies out of the requests that httpx's errors hold: this error, and those behind it.

    What signed them is taken out of the errors' texts, too: some quote what the service sent, which may repeat it.
    """
    chain = [error]
    secret = ""
    for each in chain:
        if isinstance(each, httpx.RequestError):
            # What httpx raises for an error that holds none.
            with suppress(RuntimeError):
                secret = secret or credentials_of(each.request)
                each.request = httpx.Request(each.request.method, each.request.url)
        if secret:
            each.args = tuple(without(secret, text) if isinstance(text, str) else text for text in each.args)
        chain += [behind for behind in (each.__cause__, each.__context__) if behind is not None and behind not in chain]


def _forms_of(character: str) -> str:
    if character.isalnum():
        return character
    number, plain = ord(character), re.escape(character)
    return rf"(?:\\?{plain}|%{number:02x}|\\u{number:04x}|&#0*{number};|&#x{number:x};|{re.escape(escape(character))})"
