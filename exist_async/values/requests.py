"""The request models of values, and the keys by which replies are matched with them."""

import datetime as dt
import math
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from typing import Final, TypeAlias, cast

from attrs import field, frozen
from attrs.validators import optional

from exist_async._checks import is_day, is_text, plain_string, wrong_type
from exist_async.attributes.value_types import LARGEST_INTEGER, plain_number
from exist_async.batch.matching import FailedEntry, MatchKey
from exist_async.errors import ConfigurationError
from exist_async.resource import ROOT
from exist_async.values.models import ValueEcho

WITH_VALUES: Final = f"{ROOT}attributes/with-values/"
"""The path of the listing of attributes with their values of some days."""

VALUES: Final = f"{ROOT}attributes/values/"
"""The path of the listing of one attribute's values."""

MOST_DAYS: Final = 31
"""The maximum number of days that Exist lists with attributes."""


def _number(value: float) -> int | float:
    value = plain_number(value)
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise ConfigurationError("value must be a number of at most 64 bits")
        # Exist writes True and False as 1 and 0.
        return int(value)
    if isinstance(value, float):  # pyright: ignore[reportUnnecessaryIsInstance]  (callers without a type checker)
        if not math.isfinite(value):
            raise ConfigurationError(f"value must be a finite number, not {value}")
        return float(value)
    if value is None:
        raise ConfigurationError("value must not be None: a day's value can be changed, but not removed")
    if isinstance(value, dt.timedelta | dt.time):
        raise ConfigurationError(
            f"value must not be a {type(value).__name__}: give attribute.value_type.from_python(value)"
        )
    raise wrong_type("value", "a number or a string", value)


def _value(value: float | str) -> int | float | str:
    if not isinstance(value, str):
        return _number(value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigurationError("value contains half a surrogate pair, which is not a character") from None
    return plain_string(value)


@frozen
class ValueUpdate:
    """A new value of an attribute for one day, which replaces the day's value.

    Attributes:
        name: Name of the attribute, which this service must own.
        date: The day in the user's time zone: see `exist.profile.today()`.
        value: The value in Exist's format; `ValueType.from_python` converts a `timedelta` or a `time`. True and False
            are sent as 1 and 0. An empty text erases the text of the day.
    """

    name: str = field(converter=plain_string, validator=is_text)
    date: dt.date = field(validator=is_day)
    value: int | float | str = field(converter=_value)


@frozen
class ValueIncrement:
    """A number to add to an attribute's value of one day.

    Attributes:
        name: Name of the attribute, which this service must own.
        value: The number to add; a negative one is subtracted.
        date: The day in the user's time zone. None is not sent: Exist adds to the user's current day when it gets the
            request, which is the next day if that is after midnight.
    """

    name: str = field(converter=plain_string, validator=is_text)
    value: int | float = field(converter=_number)
    date: dt.date | None = field(default=None, validator=optional(is_day))


# With the value, because several increments of one day can have different outcomes.
_KEY_FIELDS = "name date value"
_Key: TypeAlias = tuple[str | None, dt.date | None, Hashable]


def to_updatable(item: object) -> ValueUpdate:
    """Return the request model for an item to update."""
    if isinstance(item, ValueUpdate):
        return item
    raise wrong_type("an item to update", "a ValueUpdate", item)


def to_incrementable(item: object) -> ValueIncrement:
    """Return the request model for an item to increment."""
    if isinstance(item, ValueIncrement):
        return item
    raise wrong_type("an item to increment", "a ValueIncrement", item)


def to_dated_increment(item: object) -> ValueIncrement:
    """Return the request model for an item to increment with a journal: sending it again must not move it."""
    increment = to_incrementable(item)
    if increment.date is None:
        raise ConfigurationError(
            "with a journal, an increment needs a date: without one, it would move to the day on which it is sent again"
        )
    return increment


def conflict_key(item: ValueUpdate | ValueIncrement) -> tuple[str, dt.date | None]:
    """Return the key of what an item changes: the attribute and the day."""
    return item.name, item.date


def match_key(item: ValueUpdate | ValueIncrement) -> MatchKey:
    """Return the key that identifies an item in a reply."""
    return (_KEY_FIELDS, (item.name, item.date, item.value))


def match_keys_of(
    entries: Sequence[ValueEcho | FailedEntry], wanted: Sequence[MatchKey]
) -> Sequence[Collection[MatchKey]]:
    """Return the keys of the items that each entry of a reply may answer: all whose fields do not contradict it.

    If it contradicts all items, the key of an item that was not sent is returned. No date contradicts an item without
    one, as Exist decides its day; but if the entries repeat all items exactly, each answers the one that it repeats.
    """
    keys = [_key_of(entry) for entry in entries]
    if Counter(keys) == Counter(key for _, key in wanted):
        return [[(_KEY_FIELDS, key)] for key in keys]
    items = [cast("_Key", key) for _, key in wanted]
    return [[(_KEY_FIELDS, key) for key in _fitting(key, items)] for key in keys]


def _key_of(entry: ValueEcho | FailedEntry) -> _Key:
    names = (entry.name, entry.template, entry.title) if isinstance(entry, FailedEntry) else (entry.name,)
    date = entry.date
    if isinstance(date, str):
        try:
            date = dt.date.fromisoformat(date[:10])  # it may have a time
        except ValueError:
            date = None
    return (
        next((name for name in names if isinstance(name, str)), None),
        date if isinstance(date, dt.date) else None,
        entry.value if isinstance(entry.value, Hashable) else None,
    )


def _fitting(entry: _Key, items: Sequence[_Key]) -> Collection[_Key]:
    name, date, value = entry
    fitting = [
        item for item in items if (name is None or item[0] == name) and (date is None or item[1] in (None, date))
    ]
    if not fitting:
        return [entry]
    same_value = [item for item in fitting if item[2] == value]
    if not same_value and name is None and date is None:
        return []
    # Exist may repeat a value in another format, so a different value is no contradiction.
    return dict.fromkeys(same_value or fitting)
