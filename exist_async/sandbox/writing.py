"""Writes values: `attributes/update/` and `attributes/increment/`."""

from datetime import date

from exist_async.sandbox.batches import Item, Refusal, answer_each
from exist_async.sandbox.calls import Call
from exist_async.sandbox.days import parse_day, today
from exist_async.sandbox.ownership import owned_attribute
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.values import added, checked

__all__ = ["increment_values", "update_values"]


def update_values(call: Call) -> Reply:
    """Answer `attributes/update/`: any day may be written, also one that is still to come."""
    return answer_each(call, _update)


def increment_values(call: Call) -> Reply:
    """Answer `attributes/increment/`: a day without a value has 0, and no date is today where the user is."""
    return answer_each(call, _increment)


def _update(call: Call, item: Item) -> dict[str, object]:
    _require(item, "name", "date")
    attribute = owned_attribute(call, item)
    day = _day(item)
    try:
        value = checked(attribute.value_type, item.sent["value"])
    except ValueError as error:
        raise Refusal("validation", str(error)) from error
    attribute.history.record({day: value})
    return {**item.sent, "value": value}


def _increment(call: Call, item: Item) -> dict[str, object]:
    _require(item, "name")
    attribute = owned_attribute(call, item)
    day = today(call) if item.sent.get("date") is None else _day(item)
    try:
        current = added(attribute.value_type, attribute.history.by_day.get(day), item.sent["value"])
    except ValueError as error:
        raise Refusal("validation", str(error)) from error
    attribute.history.record({day: current})
    return {**item.sent, "current": current}


def _require(item: Item, *fields: str) -> None:
    # A value that is null or empty is there: it is for its type to refuse it.
    item.require(*fields, *(() if "value" in item.sent else ("value",)))


def _day(item: Item) -> date:
    day = parse_day(item.sent["date"])
    if day is None:
        raise item.invalid("date", "a date as YYYY-MM-DD")
    return day
