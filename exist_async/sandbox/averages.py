"""The averages endpoint: `averages/`."""

from datetime import date, timedelta
from statistics import median
from typing import Final

from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.calls import Call
from exist_async.sandbox.listing import filter_attributes, readable_attributes
from exist_async.sandbox.pagination import paginate
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.values import is_numeric

__all__ = ["list_averages"]

_PERIOD_DAYS: Final = 60
_WEEK: Final = timedelta(7)
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def list_averages(call: Call) -> Reply:
    """Answer `averages/`: for each attribute the median of the 60 days up to today, overall and by weekday.

    Exist's documentation calls its averages medians of 60 days. Exist computes them once a week; the sandbox computes
    them on request, and the historical ones for 7, 14, … days before. An attribute without a number in the period has
    no average, and a weekday without one is null. Inactive and low-priority attributes are included.
    """
    attributes = [
        attribute
        for attribute in filter_attributes(call, readable_attributes(call), inactive=True, low_priority=True)
        if is_numeric(attribute.value_type)
    ]
    earliest, latest = call.date_parameter("date_min") or date.min, call.date_parameter("date_max") or date.max
    rows: list[tuple[Attribute, list[date]]] = []
    for day in _average_days(call, attributes):
        if earliest <= day <= latest:
            period = _period_before(day)
            rows += [
                (attribute, period)
                for attribute in attributes
                if not attribute.history.by_day.keys().isdisjoint(period)
            ]
    return paginate(call, rows, lambda row: {call.settings.averages_key: row[0].name, **_average(*row)})


def _average_days(call: Call, attributes: list[Attribute]) -> list[date]:
    """Return the days for which averages are listed, newest first."""
    last = call.today()
    if not call.flag("include_historical"):
        return [last]
    first = min((attribute.history.first for attribute in attributes if attribute.history.first), default=last)
    return [last - _WEEK * weeks for weeks in range((last - first) // _WEEK + 1)]


def _period_before(day: date) -> list[date]:
    """Return the 60 days that end with this one, newest first."""
    last = day.toordinal()
    return [date.fromordinal(number) for number in range(last, max(last - _PERIOD_DAYS, 0), -1)]


def _average(attribute: Attribute, period: list[date]) -> dict[str, object]:
    by_day = attribute.history.by_day
    numbers = [(day.weekday(), value) for day in period if isinstance(value := by_day.get(day), int | float)]
    by_weekday = ([value for weekday, value in numbers if weekday == number] for number in range(7))
    return {
        "date": period[0].isoformat(),
        "overall": _median([value for _, value in numbers]),
        **{name: _median(values) for name, values in zip(_WEEKDAYS, by_weekday, strict=True)},
    }


def _median(values: list[int | float]) -> float | None:
    return median(values) if values else None
