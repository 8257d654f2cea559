"""Requests as the endpoints receive them: `Call` with a token, `PublicCall` without, and their parameters."""

import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import attrs
import msgspec
from starlette.requests import Request

from exist_async.sandbox.recorder import Recorder
from exist_async.sandbox.replies import ApiError, detail_error, json_reply
from exist_async.sandbox.settings import Settings
from exist_async.sandbox.state import State
from exist_async.sandbox.tokens import AccessToken

__all__ = ["Call", "PublicCall", "parse_date", "parse_form"]

# `date.fromisoformat` alone also accepts "20220513" and "2022-W19-5".
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@attrs.frozen
class Call:
    """An authenticated request, with its whole body."""

    request: Request
    body: bytes
    token: AccessToken
    settings: Settings

    @property
    def url(self) -> str:
        """The absolute URL of the request, including the query."""
        return str(self.request.url)

    def local_time(self) -> datetime:
        """Return the current time in the user's time zone."""
        return self.token.user.local_time(self.settings.now())

    def today(self) -> date:
        """Return the current date in the user's time zone."""
        return self.local_time().date()

    def parameter(self, name: str) -> str | None:
        """Return a query parameter; the last value when it is repeated, None when it is absent."""
        return self.request.query_params.get(name)

    def flag(self, name: str) -> bool:
        """Whether a query parameter is present, whatever its value."""
        return name in self.request.query_params

    def list_parameter(self, name: str) -> frozenset[str]:
        """Return the elements of a comma-separated query parameter; empty when it is absent."""
        parts = (part.strip() for part in self.request.query_params.get(name, "").split(","))
        return frozenset(part for part in parts if part)

    def date_parameter(self, name: str) -> date | None:
        """Return a query parameter as a date, or None when it is absent or empty.

        Raises:
            ApiError: 400 when it is not a date.
        """
        text = self.parameter(name)
        if not text:
            return None
        day = parse_date(text)
        if day is None:
            raise _parameter_error(name, "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.")
        return day

    def integer_parameter(self, name: str, minimum: int, maximum: int) -> int | None:
        """Return a query parameter as an integer, or None when it is absent or empty.

        Raises:
            ApiError: 400 when it is not an integer or out of range.
        """
        text = self.parameter(name)
        if not text:
            return None
        try:
            number = int(text)
        except ValueError:
            raise _parameter_error(name, "A valid integer is required.") from None
        if number < minimum:
            raise _parameter_error(name, f"Ensure this value is greater than or equal to {minimum}.")
        if number > maximum:
            raise _parameter_error(name, f"Ensure this value is less than or equal to {maximum}.")
        return number

    def json(self) -> Any:
        """Decode the body.

        Raises:
            ApiError: 415 when the Content-Type is not JSON (it may be absent), 400 when the body is not valid JSON.
        """
        content_type = self.request.headers.get("content-type", "application/json")
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise detail_error(415, f'Unsupported media type "{content_type}" in request.')
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise detail_error(400, f"JSON parse error - {error}") from error


@attrs.frozen
class PublicCall:
    """A request to an endpoint without authentication, with the fields of its form."""

    request: Request
    form: Mapping[str, str] = attrs.field(repr=False)
    state: State
    recorder: Recorder
    settings: Settings


async def parse_form(request: Request) -> dict[str, str]:
    """Return the fields of a URL-encoded body that has already been read; empty for any other body."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        return {}
    # No limits beyond the size of the body, which is already in memory.
    form = await request.form(max_fields=math.inf, max_part_size=len(await request.body()))
    return {name: value for name, value in form.items() if isinstance(value, str)}


def parse_date(value: object) -> date | None:
    """Return the date of a YYYY-MM-DD string, or None for anything else."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _parameter_error(name: str, message: str) -> ApiError:
    return ApiError(json_reply({name: [message]}, 400))
