"""Options and environment variables that several commands share."""

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import CycloptsError, Parameter, Token

from exist_async.cli.budget import EXIST_BUDGET, Budget
from exist_async.cli.output import print_error
from exist_async.cli.value_text import is_date, parse_date
from exist_async.client import ExistClient
from exist_async.oauth import Scope
from exist_async.resource import BASE_URL_VARIABLE, EXIST

_GROUPS = [scope.removesuffix("_read") for scope in Scope if scope.endswith("_read") and scope is not Scope.MANUAL_READ]

_DAYS_AGO = {"today": 0, "yesterday": 1}


def _validate_day(_: object, value: str | None) -> None:
    if value is not None and value not in _DAYS_AGO and not is_date(value):
        raise ValueError("Write a day as YYYY-MM-DD, today or yesterday.")


def _convert_budget(_: object, tokens: Sequence[Token]) -> Budget:
    return Budget.parse(tokens[0].value)


def _convert_base_url(_: object, tokens: Sequence[Token]) -> str:
    # As in Python: without white space around the variable's value, and without a slash at the end of either.
    (token,) = tokens
    url = token.value.strip() or EXIST if token.source == "env" else token.value
    return url.removesuffix("/")


BaseUrl = Annotated[
    str,
    Parameter(
        env_var=BASE_URL_VARIABLE,
        converter=_convert_base_url,
        help="Origin of the service: Exist itself, or a sandbox.",
    ),
]
Day = Annotated[str, Parameter(validator=_validate_day)]
Flag = Annotated[bool, Parameter(negative="", show_default=False)]
"""An option without a value, off by default."""
NameList = Annotated[list[str] | None, Parameter(negative="")]
"""An option that may be repeated, each time with one name or several separated by commas."""
Wait = Annotated[bool | None, Parameter(show_default=False)]
"""--wait or --no-wait; None for neither."""
MirrorFile = Annotated[Path | None, Parameter(name="--mirror")]
"""The file of a mirror to read, in place of Exist."""
BudgetOption = Annotated[
    Budget,
    Parameter(
        name="--budget",
        converter=_convert_budget,
        n_tokens=1,
        accepts_keys=False,
        show_default=lambda budget: f"{budget.requests}/{budget.period}",
        help="Requests that are allowed, and in how many seconds. They are counted over all runs on this machine.",
    ),
]
StdinFlag = Annotated[bool, Parameter(name="-", negative="", show_default=False)]
YesFlag = Annotated[bool, Parameter(name=["--yes", "-y"], negative="", show_default=False)]


def split_names(values: Iterable[str]) -> Sequence[str]:
    """Split arguments at their commas. No name, group or scope of Exist contains a comma."""
    return [name.strip() for value in values for name in value.split(",")]


def group_names(values: Sequence[str] | None) -> Sequence[str] | None:
    """Split the values of --group at their commas, and warn about unknown groups; None if the option was not given.

    Unknown groups are kept: Exist may have added them since.
    """
    if values is None:
        return None
    names = split_names(values)
    for name in names:
        if name and name not in _GROUPS:
            print_error(f"{name[:40]!r} is not a known group. Known groups: {', '.join(_GROUPS)}")
    return names


async def resolve_days(exist: ExistClient, *days: str) -> list[dt.date]:
    """Convert values of `Day` options into dates; requests the user's current date only for today and yesterday."""
    today = await exist.profile.today() if any(day in _DAYS_AGO for day in days) else dt.date.max
    return [resolve_day(day, today) for day in days]


def resolve_day(day: str, today: dt.date) -> dt.date:
    """Convert the value of a `Day` option into a date."""
    return today - dt.timedelta(days=_DAYS_AGO[day]) if day in _DAYS_AGO else parse_date(day)


def check_mirror_options(mirror: Path | None, *, wait: bool | None, budget: Budget) -> None:
    """Check that no option is about requests if a mirror is read, which takes none.

    Raises:
        CycloptsError: There is one.
    """
    if mirror is not None and (wait is not None or budget != EXIST_BUDGET):
        raise CycloptsError("--mirror takes no requests: leave out --wait, --no-wait and --budget")
