"""The endpoints that write values: `attributes/update/` and `attributes/increment/`."""

from datetime import date

from exist_async.sandbox.batches import Item, ItemError, process_batch
from exist_async.sandbox.calls import Call, parse_date
from exist_async.sandbox.ownership import require_owned_attribute
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.values import increment_value, validate_value

__all__ = ["increment_values", "update_values"]


def update_values(call: Call) -> Reply:
    """Answer `attributes/update/`; any date is accepted, also a future one."""
    return process_batch(call, _update)


def increment_values(call: Call) -> Reply:
    """Answer `attributes/increment/`; the date defaults to today in the user's time zone, a missing value to 0."""
    return process_batch(call, _increment)


def _update(call: Call, item: Item) -> dict[str, object]:
    _require_fields(item, "name", "date")
    attribute = require_owned_attribute(call, item)
    day = _require_date(item)
    try:
        value = validate_value(attribute.value_type, item.fields["value"])
    except ValueError as error:
        raise ItemError("validation", str(error)) from error
    attribute.history.record({day: value})
    return {**item.fields, "value": value}


def _increment(call: Call, item: Item) -> dict[str, object]:
    _require_fields(item, "name")
    attribute = require_owned_attribute(call, item)
    day = call.today() if item.fields.get("date") is None else _require_date(item)
    try:
        current = increment_value(attribute.value_type, attribute.history.by_day.get(day), item.fields["value"])
    except ValueError as error:
        raise ItemError("validation", str(error)) from error
    attribute.history.record({day: current})
    return {**item.fields, "current": current}


def _require_fields(item: Item, *names: str) -> None:
    # A null or empty value counts as present; the validation of its type rejects it.
    item.require(*names, *(() if "value" in item.fields else ("value",)))


def _require_date(item: Item) -> date:
    day = parse_date(item.fields["date"])
    if day is None:
        raise item.invalid("date", "a date as YYYY-MM-DD")
    return day
