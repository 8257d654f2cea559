"""The days in arguments: written out, or today and yesterday where the user is."""

import datetime as dt
import re
from typing import Annotated

from cyclopts import Parameter

from exist_async.client import ExistClient

# `date.fromisoformat` alone also takes "20220513" and "2022-W19-5".
_WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

_AGO = {"today": 0, "yesterday": 1}


def parse_day(written: str) -> dt.date:
    """Read a day.

    Raises:
        ValueError: It is none, or not written as YYYY-MM-DD.
    """
    if _WRITTEN.fullmatch(written):
        try:
            return dt.date.fromisoformat(written)
        except ValueError:
            raise ValueError(f"{written} is no day of the calendar") from None
    raise ValueError(f"{written[:40]!r} is no day: write YYYY-MM-DD")


def is_day(written: str) -> bool:
    """Whether a day is written there."""
    try:
        parse_day(written)
    except ValueError:
        return False
    return True


def _check(_: object, written: str) -> None:
    if written not in _AGO and not is_day(written):
        raise ValueError("Write a day as YYYY-MM-DD, or today, or yesterday.")


Day = Annotated[str, Parameter(validator=_check)]


async def resolve(exist: ExistClient, *days: str) -> list[dt.date]:
    """Return the days that arguments mean. Which day it is where the user is, is asked for only where it matters."""
    today = await exist.profile.today() if any(day in _AGO for day in days) else dt.date.max
    return [today - dt.timedelta(days=_AGO[day]) if day in _AGO else parse_day(day) for day in days]
