"""Response models of values."""

import datetime as dt

from attrs import field, frozen

from exist_async._json import ESSENTIAL
from exist_async.attributes import Attribute

Value = int | float | str | bool
"""A value in Exist's format: booleans are 0 or 1, durations and times of day are minutes."""


@frozen(weakref_slot=False)  # saves memory: there are very many
class DayValue:
    """The value of an attribute on one day.

    Attributes:
        date: The day in the user's time zone.
        value: The value in Exist's format; `ValueType.to_python` converts it. None if there is none; such days may also
            be omitted.
    """

    date: dt.date
    value: Value | None = field(default=None, metadata=ESSENTIAL)


@frozen
class AttributeWithValues(Attribute):
    """An attribute with its values on some days, newest first."""

    values: tuple[DayValue, ...] = field(default=(), metadata=ESSENTIAL)


@frozen(weakref_slot=False)
class ValueEcho:
    """The fields of an item that Exist repeats in its reply. Any of them may be missing.

    Attributes:
        date: The day. An increment that was sent without one has none.
        value: The value sent: the new value, or the increment.
        current: The value after an increment.
    """

    name: str | None = None
    date: dt.date | None = None
    value: Value | None = None
    current: Value | None = None
