"""Reads arguments that hold several names with commas between them."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from cyclopts import Parameter

from exist_async.cli.text import complain
from exist_async.oauth import Scope

Listed = Annotated[list[str] | None, Parameter(negative="")]

_GROUPS = [scope.removesuffix("_read") for scope in Scope if scope.endswith("_read") and scope is not Scope.MANUAL_READ]


def split(given: Iterable[str]) -> Sequence[str]:
    """Return the names: no name, group or scope of Exist's holds a comma."""
    return [name.strip() for names in given for name in names.split(",")]


def attributes(given: Sequence[str] | None) -> Sequence[str] | None:
    """Return the names of attributes in an option; None where it was left out."""
    return None if given is None else split(given)


def groups(given: Sequence[str] | None) -> Sequence[str] | None:
    """Return the groups in an option, and warn of those that Exist is not known to have, for it may have more now."""
    if given is None:
        return None
    names = split(given)
    for name in names:
        if name and name not in _GROUPS:
            complain(f"{name[:40]!r} is no group that is known here. Those are: {', '.join(_GROUPS)}")
    return names
