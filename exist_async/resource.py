"""What the nouns of Exist's API have in common."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final

from exist_async._checks import check_day, check_flag, check_names
from exist_async._http.session import Session

EXIST: Final = "https://exist.io"
"""Where Exist is."""

ROOT: Final = "/api/2/"
"""The path that all of its API is below, but for signing in."""


class Resource:
    """A noun of the API: it holds the session below it, never the client above it."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session


def encode_filters(
    *,
    lists: Mapping[str, Iterable[str] | None] | None = None,
    flags: Mapping[str, bool] | None = None,
    days: Mapping[str, dt.date | None] | None = None,
    manual: bool | None = None,
) -> dict[str, str]:
    """Encode the filters of a listing as Exist reads them.

    Args:
        lists: Lists of names, joined by commas; None is not sent.
        flags: Flags, which count when they are there at all: False is not sent.
        days: Days where the user is; None is not sent.
        manual: The one flag that has a false.

    Raises:
        ConfigurationError: A list is a bare string, or a name in it is wrong; a flag is no boolean; a day is no date.
    """
    params: dict[str, str] = {}
    for name, values in (lists or {}).items():
        if values is not None:
            params[name] = ",".join(check_names(name, values))
    for name, flag in (flags or {}).items():
        check_flag(name, flag)
        if flag:
            params[name] = "true"
    for name, day in (days or {}).items():
        if day is not None:
            check_day(name, day)
            params[name] = day.isoformat()
    if manual is not None:
        check_flag("manual", manual)
        params["manual"] = "true" if manual else "false"
    return params
