"""Refusals: the errors of Attio, and the body that all of them have."""

from collections.abc import Mapping, Sequence
from typing import Final

from exist_async.sandbox.replies import ApiError, json_reply

__all__ = ["invalid", "not_found", "plain", "refuse", "slug_conflict"]

_TYPES: Final = {401: "auth_error", 403: "auth_error", 429: "rate_limit_error"}
_CODES: Final = {401: "unauthorized", 403: "unauthorized", 429: "rate_limit_exceeded"}


def refuse(
    status: int,
    code: str,
    message: str,
    *,
    validation_errors: Sequence[object] = (),
    headers: Mapping[str, str] | None = None,
) -> ApiError:
    """Return the error, to be raised; its type follows from the status."""
    body: dict[str, object] = {
        "status_code": status,
        "type": _TYPES.get(status, "invalid_request_error"),
        "code": code,
        "message": message,
    }
    if validation_errors:
        body["validation_errors"] = validation_errors
    return ApiError(json_reply(body, status, headers))


def not_found(message: str) -> ApiError:
    """Return the 404, to be raised."""
    return refuse(404, "not_found", message)


def invalid(message: str, validation_errors: Sequence[object] = ()) -> ApiError:
    """Return the 400 for what is not as it has to be, to be raised."""
    return refuse(400, "validation_type", message, validation_errors=validation_errors)


def slug_conflict(slug: str) -> ApiError:
    """Return the 409 for a slug that another attribute has, to be raised."""
    return refuse(409, "slug_conflict", f'An attribute with the slug "{slug}" already exists.')


def plain(status: int, phrase: str) -> object:
    """Return the body of a refusal of which nothing but the status is known."""
    return {
        "status_code": status,
        "type": _TYPES.get(status, "invalid_request_error"),
        "code": _CODES.get(status, phrase.lower().replace(" ", "_")),
        "message": f"{phrase}.",
    }
