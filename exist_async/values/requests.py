"""What is asked of Exist about values, one item each."""

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any, cast

import attrs
from attrs import field, frozen

from exist_async._http import checks
from exist_async.batch.replies import Failure, Subject
from exist_async.errors import ConfigurationError
from exist_async.values.models import ValueEcho

# What fits into 64 bits: no count of anything is larger, and not every program reads more.
_LARGEST = 2**63 - 1


def _name(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    checks.text(attribute.name, value)


def _day(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    checks.day(attribute.name, value)


def _day_if_any(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is not None:
        checks.day(attribute.name, value)


def _plain(value: str) -> str:
    # The strings of other libraries are of subclasses that no encoder knows.
    return str.__str__(value) if isinstance(value, str) else value  # pyright: ignore[reportUnnecessaryIsInstance]


def _number(value: float) -> int | float:
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise ConfigurationError("value is a number of more than 64 bits")
        # True and False are 1 and 0 to Exist.
        return int(value)
    if isinstance(value, float):  # pyright: ignore[reportUnnecessaryIsInstance]  (callers without a type checker)
        if not math.isfinite(value):
            raise ConfigurationError(f"value is {value}, which is no number that can be kept")
        return float(value)
    raise ConfigurationError(_unsupported(value))


def _value(value: float | str) -> int | float | str:
    if not isinstance(value, str):
        return _number(value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigurationError("value holds half a surrogate pair, which is no character") from None
    return _plain(value)


def _unsupported(value: object) -> str:
    if value is None:
        return "value is None: what a day has can be changed, and not taken away again"
    if isinstance(value, dt.timedelta | dt.time):
        return f"value is a {type(value).__name__}: give attribute.value_type.from_python(value)"
    return f"value is a number or a string, not {type(value).__name__}"


@frozen
class ValueUpdate:
    """What an attribute is to have on a day, in place of what it has.

    Attributes:
        name: The attribute's name. This service has to own it.
        date: The day, where the user is: `exist.profile.today()` asks which it is now.
        value: The value, as Exist writes it; `ValueType.from_python` makes it of a `timedelta` or a `time`. True and
            False are sent as 1 and 0.
    """

    name: str = field(converter=_plain, validator=_name)
    date: dt.date = field(validator=_day)
    value: int | float | str = field(converter=_value)


@frozen
class ValueIncrement:
    """What is to be added to an attribute's value of a day.

    Attributes:
        name: The attribute's name. This service has to own it.
        value: The number to add; one below 0 takes away.
        date: The day, where the user is. None is the day that it is there now; the write asks for it once.
    """

    name: str = field(converter=_plain, validator=_name)
    value: int | float = field(converter=_number)
    date: dt.date | None = field(default=None, validator=_day_if_any)


UPDATED = "name date"
"""The fields by which an update is known."""

INCREMENTED = "name date value"
"""The fields by which an increment is known: those of one day can differ in their fate, by their values."""


def updatable(item: object) -> ValueUpdate:
    """Return what a caller gave, if it is an update."""
    if isinstance(item, ValueUpdate):
        return item
    raise ConfigurationError(f"a ValueUpdate can be written, not {type(item).__name__}")


def incrementable(item: object) -> ValueIncrement:
    """Return what a caller gave, if it is an increment."""
    if isinstance(item, ValueIncrement):
        return item
    raise ConfigurationError(f"a ValueIncrement can be added, not {type(item).__name__}")


def day_of(item: ValueUpdate | ValueIncrement) -> tuple[str, dt.date | None]:
    """Return the attribute and the day that an item is about."""
    return item.name, item.date


def update_subject(item: ValueUpdate) -> Subject:
    """Say what an update is about."""
    return (UPDATED, (item.name, item.date))


def increment_subject(item: ValueIncrement) -> Subject:
    """Say what an increment is about."""
    return (INCREMENTED, (item.name, item.date, item.value))


def subjects_of(entry: ValueEcho | Failure, wanted: Sequence[Subject]) -> Sequence[Subject]:
    """Return those items that an entry may be about: the ones that agree with all that it repeats.

    What it does not repeat is left open. One that contradicts all items is about another one, which is returned.
    """
    kind = wanted[0][0]
    keys = [cast("tuple[Any, ...]", key) for _, key in wanted]
    names = _names(entry)
    fitting = [key for key in keys if key[0] in names] if names else keys
    date = _date(entry.date)
    if date is not None:
        fitting = [key for key in fitting if key[1] == date]
    if not fitting:
        return [(kind, (*names, date))]
    if not names and date is None:
        return []
    if kind == INCREMENTED:
        # Exist may write a value otherwise than it was sent, so it tells items of one day apart and no more.
        fitting = [key for key in fitting if key[2] == entry.value] or fitting
    return [(kind, key) for key in dict.fromkeys(fitting)]


def _names(entry: ValueEcho | Failure) -> list[str]:
    said = (entry.name, entry.template, entry.title) if isinstance(entry, Failure) else (entry.name,)
    return [name for name in said if isinstance(name, str)]


def _date(said: object) -> dt.date | None:
    if isinstance(said, str):
        try:
            return dt.date.fromisoformat(said)
        except ValueError:
            return None
    return said if isinstance(said, dt.date) else None
