"""The base class of the resources of Exist's API, and the encoding of their filters."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final

from attrs import define

from exist_async._checks import check_day, check_flag, check_names, environment_value
from exist_async._http.options import check_origin
from exist_async._http.session import Session

EXIST: Final = "https://exist.io"
"""The origin of Exist."""

BASE_URL_VARIABLE: Final = "EXIST_BASE_URL"
"""The environment variable that holds another origin, such as that of a sandbox."""

ROOT: Final = "/api/2/"
"""The path prefix of its API, except for the endpoints for signing in."""


def origin_from(base_url: str | None) -> str:
    """Return the origin for a `base_url` argument; None reads EXIST_BASE_URL, and else is Exist's own."""
    if base_url is not None:
        return check_origin("base_url", base_url)
    value = environment_value(BASE_URL_VARIABLE)
    return EXIST if value is None else check_origin(BASE_URL_VARIABLE, value)


@define(eq=False, repr=False)
class Resource:
    """A resource of the API, such as `exist.values`. It holds the session, and no reference to the client."""

    _session: Session


def encode_filters(
    *,
    lists: Mapping[str, Iterable[str] | None] | None = None,
    flags: Mapping[str, bool] | None = None,
    days: Mapping[str, dt.date | None] | None = None,
    manual: bool | None = None,
) -> dict[str, str]:
    """Check the filters of a listing, and encode them as query parameters. A filter that is None is not sent.

    Flags are sent only if they are true, as Exist counts one as set whenever it is present, except `manual`.
    """
    params: dict[str, str] = {}
    for name, values in (lists or {}).items():
        if values is not None:
            params[name] = ",".join(check_names(name, values))
    for name, flag in (flags or {}).items():
        if flag is True:
            params[name] = "true"
        elif flag is not False:
            check_flag(name, flag)
    for name, day in (days or {}).items():
        if day is not None:
            check_day(name, day)
            params[name] = day.isoformat()
    if manual is not None:
        check_flag("manual", manual)
        params["manual"] = "true" if manual else "false"
    return params
