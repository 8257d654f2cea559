"""Shows values: `attributes/with-values/` and `attributes/values/`."""

from datetime import date
from typing import Final

from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.calls import Call
from exist_async.sandbox.days import day_parameter, number_parameter, today
from exist_async.sandbox.listing import matching, readable
from exist_async.sandbox.pages import page_of
from exist_async.sandbox.replies import ApiError, Reply, json_reply, refuse

__all__ = ["MOST_DAYS", "list_values", "list_with_values"]

MOST_DAYS: Final = 31
"""Days that `attributes/with-values/` shows at most."""


def list_with_values(call: Call) -> Reply:
    """Answer `attributes/with-values/`: the last days of each attribute, newest first.

    It is not documented whether this shows inactive attributes and those of low priority, and it has no flag to ask
    for them. Here it shows what `attributes/` shows without flags: neither.
    """
    count = number_parameter(call, "days", 1, MOST_DAYS) or 1
    last = (day_parameter(call, "date_max") or today(call)).toordinal()
    # Of each day both, made once and not for every attribute.
    days = [(day, day.isoformat()) for day in map(date.fromordinal, range(last, max(last - count, 0), -1))]
    templates = call.listed("templates")
    shown = [
        attribute for attribute in matching(call, readable(call)) if not templates or attribute.template in templates
    ]
    return page_of(call, shown, lambda attribute: _with_values(call, attribute, days))


def list_values(call: Call) -> Reply:
    """Answer `attributes/values/`: every day of one attribute, newest first, back to the first one that has a value.

    Raises:
        ApiError: 400 when no attribute is named, 404 when the user has none of this name within the read scopes.
    """
    name = call.parameter("attribute")
    if not name:
        raise ApiError(json_reply({"attribute": ["This field is required."]}, 400))
    attribute = call.token.user.attribute(name)
    if attribute is None or not call.token.may_read(attribute):
        raise refuse(404, "Not found.")
    known = attribute.history.by_day
    last = (day_parameter(call, "date_max") or today(call)).toordinal()
    first = last + 1 if attribute.history.first is None else attribute.history.first.toordinal()
    # As numbers: a page is cut from ten years without making a date of each day.
    days: range | list[int] = range(last, first - 1, -1)
    if call.settings.missing_days == "absent":
        days = [number for number in days if date.fromordinal(number) in known]

    def shape(number: int) -> dict[str, object]:
        day = date.fromordinal(number)
        return {"date": day.isoformat(), "value": known.get(day)}

    return page_of(call, days, shape)


def _with_values(call: Call, attribute: Attribute, days: list[tuple[date, str]]) -> dict[str, object]:
    known = attribute.history.by_day
    if call.settings.missing_days == "absent":
        days = [(day, written) for day, written in days if day in known]
    values = [{"date": written, "value": known.get(day)} for day, written in days]
    return {**attribute.shape_without_services(), "values": values}
