"""Averages values by the week: `averages/`."""

from datetime import date, timedelta
from statistics import median
from typing import Final

from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.calls import Call
from exist_async.sandbox.days import day_parameter, today
from exist_async.sandbox.listing import matching, readable
from exist_async.sandbox.pages import page_of
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.values import has_numbers

__all__ = ["list_averages"]

_PERIOD: Final = 60
_WEEK: Final = timedelta(7)
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def list_averages(call: Call) -> Reply:
    """Answer `averages/`: for each attribute the median of the 60 days up to today, overall and by the day of the week.

    Medians of 60 days are what Exist's documentation says that its averages are. Exist makes them once a week; here
    they are of the moment, and the historical ones are those of 7, 14, … days before. An attribute without a number in
    those days has no average, and a day of the week without one is null. Inactive attributes and those of low priority
    have averages too.
    """
    attributes = [
        attribute
        for attribute in matching(call, readable(call), inactive=True, low_priority=True)
        if has_numbers(attribute.value_type)
    ]
    earliest, latest = day_parameter(call, "date_min") or date.min, day_parameter(call, "date_max") or date.max
    sets: list[tuple[Attribute, list[date]]] = []
    for day in _days(call, attributes):
        if earliest <= day <= latest:
            period = _period(day)
            sets += [(one, period) for one in attributes if not one.history.by_day.keys().isdisjoint(period)]
    return page_of(call, sets, lambda one: {call.settings.averages_key: one[0].name, **_average(*one)})


def _days(call: Call, attributes: list[Attribute]) -> list[date]:
    """Return the days for which there are averages, newest first."""
    last = today(call)
    if not call.flag("include_historical"):
        return [last]
    first = min((attribute.history.first for attribute in attributes if attribute.history.first), default=last)
    return [last - _WEEK * weeks for weeks in range((last - first) // _WEEK + 1)]


def _period(day: date) -> list[date]:
    """Return the days that are averaged on this one, newest first."""
    last = day.toordinal()
    return [date.fromordinal(number) for number in range(last, max(last - _PERIOD, 0), -1)]


def _average(attribute: Attribute, period: list[date]) -> dict[str, object]:
    known = attribute.history.by_day
    had = [(day.weekday(), value) for day in period if isinstance(value := known.get(day), int | float)]
    by_weekday = ([value for weekday, value in had if weekday == number] for number in range(7))
    return {
        "date": period[0].isoformat(),
        "overall": _median([value for _, value in had]),
        **{name: _median(values) for name, values in zip(_WEEKDAYS, by_weekday, strict=True)},
    }


def _median(values: list[int | float]) -> float | None:
    return median(values) if values else None
