"""What is asked of Exist about values, one item each."""

import datetime as dt
import math
import numbers
from collections.abc import Hashable, Sequence
from typing import cast

from attrs import field, frozen
from attrs.validators import optional

from exist_async._checks import is_day, is_text, plain_string
from exist_async.batch.replies import Failure, Subject
from exist_async.errors import ConfigurationError
from exist_async.values.models import ValueEcho

# What fits into 64 bits: no count of anything is larger, and not every program reads more.
_LARGEST = 2**63 - 1


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
    # Those of numpy and pandas.
    if isinstance(value, numbers.Integral):
        return _number(int(value))
    if isinstance(value, numbers.Real):
        try:
            return _number(float(value))
        except OverflowError:
            raise ConfigurationError("value is a number that is too large for a float") from None
    raise ConfigurationError(_unsupported(value))


def _value(value: float | str) -> int | float | str:
    if not isinstance(value, str):
        return _number(value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigurationError("value holds half a surrogate pair, which is no character") from None
    return plain_string(value)


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

    name: str = field(converter=plain_string, validator=is_text)
    date: dt.date = field(validator=is_day)
    value: int | float | str = field(converter=_value)


@frozen
class ValueIncrement:
    """What is to be added to an attribute's value of a day.

    Attributes:
        name: The attribute's name. This service has to own it.
        value: The number to add; one below 0 takes away.
        date: The day, where the user is. None is the day that it is there now; the write asks once for the time there.
    """

    name: str = field(converter=plain_string, validator=is_text)
    value: int | float = field(converter=_number)
    date: dt.date | None = field(default=None, validator=optional(is_day))


_KIND = "name date value"
"""The fields by which an item is known: several increments of one day can differ in their fate, by their values."""


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


def subject(item: ValueUpdate | ValueIncrement) -> Subject:
    """Say what an item is about."""
    return (_KIND, (item.name, item.date, item.value))


def subjects_of(entry: ValueEcho | Failure, wanted: Sequence[Subject]) -> Sequence[Subject]:
    """Return those items that an entry may be about: the ones that agree with all that it repeats.

    What it does not repeat is left open. One that contradicts all items is about another one, which is returned.
    """
    fitting = [cast("tuple[str, dt.date, object]", key) for _, key in wanted]
    name, date = _name_of(entry), _date_of(entry)
    if name is not None:
        fitting = [key for key in fitting if key[0] == name]
    if date is not None:
        fitting = [key for key in fitting if key[1] == date]
    if not fitting:
        return [(_KIND, (name, date, entry.value if isinstance(entry.value, Hashable) else None))]
    same_value = [key for key in fitting if key[2] == entry.value]
    if not same_value and name is None and date is None:
        return []
    # Exist may write a value otherwise than it was sent, so that another one contradicts nothing.
    return [(_KIND, key) for key in dict.fromkeys(same_value or fitting)]


def _name_of(entry: ValueEcho | Failure) -> str | None:
    said = (entry.name, entry.template, entry.title) if isinstance(entry, Failure) else (entry.name,)
    return next((name for name in said if isinstance(name, str)), None)


def _date_of(entry: ValueEcho | Failure) -> dt.date | None:
    if isinstance(entry.date, str):
        try:
            return dt.date.fromisoformat(entry.date)
        except ValueError:
            return None
    return entry.date if isinstance(entry.date, dt.date) else None
