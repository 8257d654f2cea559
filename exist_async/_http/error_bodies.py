"""Reads what services say in the bodies of their errors, in whichever shape they say it."""

from collections.abc import Mapping
from typing import Any, cast

import httpx
from attrs import frozen

from exist_async._json import UnreadableError, decode, encode
from exist_async._secrets import credentials_of, without
from exist_async.errors import ValidationIssue

# In an error's message; its attributes have all of it.
_LONGEST = 500
_NAMED = 5


@frozen(eq=False, repr=False)
class Said:
    """What the body of an error says; nothing of it is sure to be there.

    Attributes:
        detail: The service's words.
        code: Its short code for the error.
        type: Its kind of error.
        issues: What is wrong with the fields of the request.
    """

    detail: str | None = None
    code: str | None = None
    type: str | None = None
    issues: tuple[ValidationIssue, ...] = ()

    @property
    def words(self) -> str | None:
        """The service's words, and what they leave out of the fields of the request."""
        detail = self.detail
        if detail is not None and len(detail) > _LONGEST:
            detail = f"{detail[:_LONGEST]}…"
        if not self.issues:
            return detail
        named = [str(issue)[:_LONGEST] for issue in self.issues[:_NAMED]]
        if len(self.issues) > _NAMED:
            named.append(f"and {len(self.issues) - _NAMED} more")
        return f"{(detail or 'invalid').rstrip('.')} ({'; '.join(named)})"


def said(response: httpx.Response) -> Said:
    """Return what an error says, without the request's credentials, which it may repeat."""
    try:
        body = decode(response.content, dict[str, Any])
    except UnreadableError:
        return Said()
    secret = credentials_of(response.request)
    error, code = body.get("error"), body.get("code")
    words = body.get("detail") or body.get("error_description") or body.get("message")
    issues = _issues(body.get("validation_errors"), secret)
    if words is None and not issues:
        # {"field": ["message", ...]} is how Exist answers invalid input.
        fields = [f"{name}: {_joined(value)}" for name, value in body.items() if isinstance(value, list)]  # pyright: ignore[reportUnknownArgumentType]
        words = "; ".join(fields) or error
    return Said(
        _text(words, secret),
        _text(error if code is None else code, secret),
        _text(body.get("type"), secret),
        issues,
    )


def _issues(found: object, secret: str) -> tuple[ValidationIssue, ...]:
    """Read what is wrong with which field; it is not documented, so that it may come in any shape."""
    if isinstance(found, Mapping):
        fields = cast("Mapping[str, object]", found)
        return tuple(
            ValidationIssue(path=(without(secret, name),), message=_shown(what, secret))
            for name, what in fields.items()
        )
    entries = cast("list[object]", found) if isinstance(found, list) else [found]
    return tuple(_issue(entry, secret) for entry in entries if entry)


def _issue(found: object, secret: str) -> ValidationIssue:
    if not isinstance(found, Mapping):
        return ValidationIssue(message=_shown(found, secret))
    entry = cast("Mapping[str, Any]", found)
    return ValidationIssue(
        code=_text(entry.get("code"), secret),
        path=_path(entry.get("path"), secret),
        message=_text(entry.get("message"), secret),
        expected=_shown(entry.get("expected"), secret),
        received=_shown(entry.get("received"), secret),
    )


def _path(path: object, secret: str) -> tuple[str | int, ...]:
    steps = cast("list[object]", path) if isinstance(path, list) else [path]
    return tuple(
        without(secret, step) if isinstance(step, str) else step for step in steps if isinstance(step, str | int)
    )


def _text(value: object, secret: str) -> str | None:
    return without(secret, value) if isinstance(value, str) else None


def _shown(value: object, secret: str) -> str | None:
    """Return a value as text: what was expected is a type's name here, and a list of values there."""
    return None if value is None else without(secret, _joined([value]))


def _joined(messages: list[Any]) -> str:
    try:
        texts = [message if isinstance(message, str) else encode(message).decode() for message in messages]
    except RecursionError:
        return "(nested too deeply to be shown)"
    return " ".join(texts)
