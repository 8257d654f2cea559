"""Attio's error replies, which all have the same format."""

from collections.abc import Mapping, Sequence
from typing import Final

from exist_async.sandbox.replies import ApiError, json_reply

__all__ = ["attio_error", "attio_error_body", "invalid_request", "not_found", "slug_conflict"]

_TYPES: Final = {401: "auth_error", 403: "auth_error", 429: "rate_limit_error"}
_CODES: Final = {401: "unauthorized", 403: "unauthorized", 429: "rate_limit_exceeded"}


def attio_error(
    status: int,
    code: str,
    message: str,
    *,
    validation_errors: Sequence[object] = (),
    headers: Mapping[str, str] | None = None,
) -> ApiError:
    """Return the exception for an error reply; its `type` depends on the status."""
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
    """Return the exception for a 404."""
    return attio_error(404, "not_found", message)


def invalid_request(message: str, validation_errors: Sequence[object] = ()) -> ApiError:
    """Return the exception for a 400."""
    return attio_error(400, "validation_type", message, validation_errors=validation_errors)


def slug_conflict(slug: str) -> ApiError:
    """Return the exception for a 409: another attribute has the slug."""
    return attio_error(409, "slug_conflict", f'An attribute with the slug "{slug}" already exists.')


def attio_error_body(status: int, phrase: str) -> object:
    """Return the JSON of an error reply in Attio's format, from status and reason phrase only."""
    return {
        "status_code": status,
        "type": _TYPES.get(status, "invalid_request_error"),
        "code": _CODES.get(status, phrase.lower().replace(" ", "_")),
        "message": f"{phrase}.",
    }
