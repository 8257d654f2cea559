"""Checks tokens, and keeps them out of texts, errors and pickles."""

import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, wraps
from html import escape
from inspect import iscoroutinefunction
from opcode import opmap
from types import TracebackType
from typing import Any, TypeGuard, TypeVar

import httpx

from exist_async.errors import ConfigurationError

F = TypeVar("F", bound=Callable[..., Any])

# Visible ASCII: all that a header can carry and a token can contain.
_TOKEN_PATTERN = re.compile("[!-~]+")

_HIDDEN = "[secret]"
# A shorter token may occur in a text by chance.
_SHORTEST_TOKEN = 6

# Characters of a secret that are compared: what follows so many of them is the rest of it.
_COMPARED = 64
_DELIMITERS = r'\s<>"'
_DELIMITER = re.compile(f"[{_DELIMITERS}]")

# How forms write a space, and JSON some control characters.
_OTHER_FORMS = {" ": r"\+", "\t": r"\\t", "\n": r"\\n", "\r": r"\\r", "\b": r"\\b", "\f": r"\\f"}

# The packages through which requests, tokens and their stores' data pass.
_CARRIERS = frozenset(
    (
        *("exist_async", "aiohappyeyeballs", "aiohttp", "anyio", "attr", "attrs", "cattrs", "filelock", "h11", "h2"),
        *("hpack", "httpcore", "httpx", "idna", "msgspec", "multidict", "psycopg", "psycopg_pool", "redis", "socksio"),
        "yarl",
    )
)

# The instruction at which a coroutine or generator is suspended.
_YIELD = opmap["YIELD_VALUE"]

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
            for pattern in _patterns(secret):
                text = pattern.sub(_HIDDEN, text)
    return text


@lru_cache(maxsize=64)
def _patterns(secret: str) -> tuple[re.Pattern[str], ...]:
    """Return patterns that find a secret in time proportional to the length of the text, whatever it repeats of it.

    An atomic group takes the first form of a character that fits, and never tries another. Which one is right depends
    on the writer where the plain form begins an encoded one: `%25`, `&amp;` and two backslashes.
    """
    start, rest = secret[:_COMPARED], secret[_COMPARED:]
    any_rest = ""
    if rest:
        allowed = "." if _DELIMITER.search(rest) else f"[^{_DELIMITERS}]"
        any_rest = f"{allowed}{{0,{LONGEST_FORM * len(rest)}}}"
    forms = [(character, _forms_of(character)) for character in start]
    patterns = dict.fromkeys(
        "".join(f"(?>{'|'.join(each[:: -1 if character == encoded else 1])})" for character, each in forms) + any_rest
        for encoded in ("\\", "&", "%", "")
    )
    return tuple(re.compile(pattern, re.IGNORECASE | re.DOTALL) for pattern in patterns)


def redact_errors(error: BaseException) -> None:
    """Remove headers, bodies and credentials from httpx's errors: from this one and all in its chain.

    Some errors quote the service's reply, which may repeat the request's token.
    """
    secret = ""
    for each in _chain_of(error):
        if isinstance(each, httpx.RequestError):
            # Reading the request of an error that has none raises RuntimeError.
            with suppress(RuntimeError):
                secret = secret or credentials_of(each.request)
                each.request = httpx.Request(each.request.method, each.request.url)
        if secret:
            each.args = tuple(redact(text, secret) if isinstance(text, str) else text for text in each.args)


def hides_locals(function: F) -> F:
    """Decorate a function that takes or handles a secret, or a class that is created from one.

    Error trackers send the local variables of all frames in a traceback. Those of the call are cleared in the
    tracebacks of the errors that it raises, as `clear_locals` does.
    """
    decorated: Any = function
    if isinstance(decorated, type):
        decorated.__init__ = hides_locals(decorated.__init__)  # type: ignore[misc]
        return function
    if iscoroutinefunction(decorated):

        @wraps(decorated)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            try:
                return await decorated(*args, **kwargs)
            except BaseException as error:
                clear_locals(error)
                raise

        return call_async  # type: ignore[return-value]

    @wraps(decorated)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return decorated(*args, **kwargs)
        except BaseException as error:
            clear_locals(error)
            raise

    return call  # type: ignore[return-value]


def clear_locals(error: BaseException) -> None:
    """Clear the local variables, among which may be secrets, in the tracebacks of an error and all in its chain.

    The tracebacks still show each file and line. The application's own frames, such as those of its token store, keep
    their variables. A frame that may still run can't be cleared and is left out, also that of the caller: raise the
    error again with a bare `raise`, which does not add it.
    """
    for each in _chain_of(error):
        entries: list[TracebackType] = []
        entry = each.__traceback__
        while entry is not None:
            if _is_application(entry) or _clear(entry):
                entries.append(entry)
            entry = entry.tb_next
        kept = None
        for entry in reversed(entries):
            kept = TracebackType(kept, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
        each.__traceback__ = kept


def _is_application(entry: TracebackType) -> bool:
    module = entry.tb_frame.f_globals.get("__name__") or "attrs"  # generated functions have none
    package = module.partition(".")[0]
    return package == "__main__" or not (package in _CARRIERS or package in sys.stdlib_module_names)


def _clear(entry: TracebackType) -> bool:
    """Clear the local variables of an entry's frame, and return whether that was possible."""
    frame = entry.tb_frame
    if frame.f_code.co_code[frame.f_lasti] == _YIELD:
        # It may be suspended, in another task that raised the same error. Before Python 3.13, clear() would end it.
        return False
    try:
        frame.clear()
    except RuntimeError:  # it is running
        return False
    return True


def _chain_of(error: BaseException) -> list[BaseException]:
    """Return an error, and all its causes, contexts and members of groups."""
    chain = [error]
    for each in chain:
        members: tuple[BaseException, ...] = getattr(each, "exceptions", ())  # of a group
        for other in (each.__cause__, each.__context__, *members):
            if other is not None and all(other is not known for known in chain):
                chain.append(other)
    return chain


def _forms_of(character: str) -> list[str]:
    """Return regular expressions for the forms of a secret's character: plain, and encoded in URLs, JSON and HTML."""
    number, plain = ord(character), re.escape(character)
    in_url = "".join(f"%{byte:02x}" for byte in character.encode(errors="surrogatepass"))
    units = character.encode("utf-16-be", errors="surrogatepass").hex()
    in_json = "".join(rf"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
    forms = [plain, in_url, in_json, f"&#0*{number};", f"&#x0*{number:x};", re.escape(escape(character))]
    if not character.isalnum():
        forms.append(rf"\\{plain}")
    if character in _OTHER_FORMS:
        forms.append(_OTHER_FORMS[character])
    return list(dict.fromkeys(forms))
