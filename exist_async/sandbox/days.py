"""Days: what is today where the user is, and how days and counts stand in a query."""

import re
from datetime import date, datetime
from typing import Final

from exist_async.sandbox.calls import Call
from exist_async.sandbox.replies import ApiError, json_reply

__all__ = ["day_parameter", "local_time", "number_parameter", "parse_day", "today"]

# `date.fromisoformat` alone also takes "20220513" and "2022-W19-5".
_WRITTEN: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def local_time(call: Call) -> datetime:
    """Return the moment of the call on the user's own clock."""
    return call.token.user.local(call.settings.now())


def today(call: Call) -> date:
    """Return the day it is where the user is."""
    return local_time(call).date()


def parse_day(written: object) -> date | None:
    """Return the day that is written as YYYY-MM-DD, or None when it is anything else."""
    if not isinstance(written, str) or not _WRITTEN.fullmatch(written):
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def day_parameter(call: Call, name: str) -> date | None:
    """Return a day of the query, or None when it is not given.

    Raises:
        ApiError: 400 when it is none.
    """
    written = call.parameter(name)
    if not written:
        return None
    day = parse_day(written)
    if day is None:
        raise _bad(name, "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.")
    return day


def number_parameter(call: Call, name: str, lowest: int, highest: int) -> int | None:
    """Return a whole number of the query, or None when it is not given.

    Raises:
        ApiError: 400 when it is none, or out of its range.
    """
    written = call.parameter(name)
    if not written:
        return None
    try:
        number = int(written)
    except ValueError:
        raise _bad(name, "A valid integer is required.") from None
    if number < lowest:
        raise _bad(name, f"Ensure this value is greater than or equal to {lowest}.")
    if number > highest:
        raise _bad(name, f"Ensure this value is less than or equal to {highest}.")
    return number


def _bad(name: str, message: str) -> ApiError:
    return ApiError(json_reply({name: [message]}, 400))
