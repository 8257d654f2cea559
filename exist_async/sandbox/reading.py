"""The endpoints that read values: `attributes/with-values/` and `attributes/values/`."""

from datetime import date
from typing import Final

from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.calls import Call
from exist_async.sandbox.listing import filter_attributes, readable_attributes
from exist_async.sandbox.pagination import paginate
from exist_async.sandbox.replies import ApiError, Reply, detail_error, json_reply

__all__ = ["MAX_DAYS", "list_values", "list_with_values"]

MAX_DAYS: Final = 31
"""Maximum number of days in `attributes/with-values/`."""


def list_with_values(call: Call) -> Reply:
    """Answer `attributes/with-values/`: the last days of each active attribute, newest first.

    Unlike `attributes/`, Exist includes attributes of low priority.
    """
    count = call.integer_parameter("days", 1, MAX_DAYS) or 1
    last = (call.date_parameter("date_max") or call.today()).toordinal()
    # Each date and its text are made once, not once for each attribute.
    days = [(day, day.isoformat()) for day in map(date.fromordinal, range(last, max(last - count, 0), -1))]
    templates = call.list_parameter("templates")
    attributes = [
        attribute
        for attribute in filter_attributes(call, readable_attributes(call), low_priority=True)
        if not templates or attribute.template in templates
    ]
    return paginate(call, attributes, lambda attribute: _with_values(call, attribute, days))


def list_values(call: Call) -> Reply:
    """Answer `attributes/values/`: every day of one attribute, newest first, back to the first one with a value.

    Raises:
        ApiError: 400 when no attribute is named, 404 when the user has no active and readable attribute of this name.
    """
    name = call.parameter("attribute")
    if not name:
        raise ApiError(json_reply({"attribute": ["This field is required."]}, 400))
    attribute = call.token.user.attribute(name)
    if attribute is None or not attribute.active or not call.token.may_read(attribute):
        raise detail_error(404, "Not found.")
    by_day = attribute.history.readable
    last = (call.date_parameter("date_max") or call.today()).toordinal()
    days = filter(None, (attribute.history.first, *attribute.history.defaults))
    first = min((day.toordinal() for day in days), default=last + 1)
    # Ordinals, so that a page out of ten years does not make a date of each day.
    ordinals: range | list[int] = range(last, first - 1, -1)
    if call.settings.missing_days == "absent":
        ordinals = [ordinal for ordinal in ordinals if date.fromordinal(ordinal) in by_day]

    def to_json(ordinal: int) -> dict[str, object]:
        day = date.fromordinal(ordinal)
        return {"date": day.isoformat(), "value": by_day.get(day)}

    return paginate(call, ordinals, to_json)


def _with_values(call: Call, attribute: Attribute, days: list[tuple[date, str]]) -> dict[str, object]:
    by_day = attribute.history.readable
    if call.settings.missing_days == "absent":
        days = [(day, text) for day, text in days if day in by_day]
    values = [{"date": text, "value": by_day.get(day)} for day, text in days]
    return {**attribute.to_json_without_services(), "values": values}
