"""What Exist says about values."""

import datetime as dt

from attrs import frozen

from exist_async.attributes import Attribute

Value = int | float | str | bool
"""What an attribute can have on a day. Exist writes a boolean as 0 or 1, and minutes for durations and times of day."""


@frozen(weakref_slot=False)  # there are very many of them
class DayValue:
    """What an attribute had on one day.

    Attributes:
        date: The day, where the user is.
        value: What it had, as Exist writes it: `ValueType.to_python` makes Python's own types of it. None where the day
            has none; such days can also be missing altogether.
    """

    date: dt.date
    value: Value | None = None


@frozen
class AttributeWithValues(Attribute):
    """An attribute with what it had on some days.

    Attributes:
        values: Its values, newest first.
    """

    values: tuple[DayValue, ...] = ()


@frozen(weakref_slot=False)
class ValueEcho:
    """What Exist repeats of a value that was written.

    Attributes:
        name: The attribute's name.
        date: The day, where Exist names it.
        value: What was sent: the new value, or what was added.
        current: What the attribute has after an increment, where Exist tells it.
    """

    name: str | None = None
    date: dt.date | None = None
    value: Value | None = None
    current: Value | None = None
