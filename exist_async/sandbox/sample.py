"""Sample data: a year of plausible values for a user, always the same."""

import datetime as dt
from collections.abc import Mapping
from random import Random
from statistics import correlation
from typing import Final, TypeAlias

from exist_async.sandbox.findings import Correlation, Insight
from exist_async.sandbox.groups import SCOPES
from exist_async.sandbox.seeding import require_attribute, seed_attribute, seed_values
from exist_async.sandbox.services import Service
from exist_async.sandbox.state import State
from exist_async.sandbox.users import User
from exist_async.sandbox.value_types import BOOLEAN
from exist_async.sandbox.values import Value

__all__ = ["add_sample"]

_Days: TypeAlias = Mapping[dt.date, Value]
_Year: TypeAlias = Mapping[str, _Days]

_DAYS: Final = 365
_SEED: Final = 1815

_CLIENT_TEMPLATES: Final = ("steps", "mood", "mood_note", "coffees")
_TRACKER_TEMPLATES: Final = ("sleep", "sleep_start", "weight")
_MEASURED: Final = ("steps", *_TRACKER_TEMPLATES)
_TAGS: Final = {"went_running": "Went running", "headache": "Headache", "read_a_book": "Read a book"}
_NOTES: Final = ("A walk by the river", "Too many meetings", "Dinner with Mary, and a long talk", "Nothing much")


def add_sample(state: State, user: User, client: Service, now: dt.datetime) -> None:
    """Give a user attributes with a year of values, and correlations and insights that match them.

    Args:
        state: Users and services; the service "tracker", which owns sleep and weight, is added unless there is one.
        user: A user without attributes.
        client: The service that owns the other attributes.
        now: The current time; its date in the user's time zone is the last day with values.

    Raises:
        ValueError: The user has attributes already.
    """
    if user.attributes:
        raise ValueError(f"user {user.username!r} has attributes already: the sample needs a user without any")
    tracker = next((service for service in state.services if service.name == "tracker"), None)
    if tracker is None:
        tracker = state.add_service(
            "tracker", "Fitness tracker", SCOPES, client_id=None, client_secret=None, redirect_uri=client.redirect_uri
        )
    values = _generate_year(user.local_time(now).date())
    for template in _CLIENT_TEMPLATES + _TRACKER_TEMPLATES:
        _add_attribute(user, tracker if template in _TRACKER_TEMPLATES else client, template=template)
    for name, label in _TAGS.items():
        _add_attribute(user, client, name=name, label=label)
    for name, days in values.items():
        seed_values(user, name, days)
    _add_correlations(user, values, now)
    _add_insights(user, values, now)


def _add_attribute(
    user: User, service: Service, *, template: str | None = None, name: str | None = None, label: str | None = None
) -> None:
    seed_attribute(
        user,
        template,
        name=name,
        label=label,
        group="custom",
        value_type=BOOLEAN,
        service=service,
        available_services=(),
        active=True,
        manual=template not in _MEASURED,
        priority=None,
    )


def _generate_year(today: dt.date) -> _Year:
    """Return the values of each attribute by day; mood rises and coffee falls with sleep."""
    random = Random(_SEED)  # noqa: S311  (not used for secrets)
    year: dict[str, dict[dt.date, Value]] = {name: {} for name in (*_CLIENT_TEMPLATES, *_TRACKER_TEMPLATES, *_TAGS)}
    for days_ago in range(_DAYS - 1, -1, -1):
        day = today - dt.timedelta(days=days_ago)
        weekend = day.weekday() >= 5
        asleep = _clamp(240, random.gauss(470 if weekend else 430, 45), 620)
        rested = (asleep - 440) / 45
        runs = random.random() < (0.45 if weekend else 0.2)
        year["sleep"][day] = asleep
        year["sleep_start"][day] = _clamp(480, random.gauss(690 if weekend else 650, 30), 900)
        year["steps"][day] = _clamp(400, random.gauss(7500, 2200) + (4500 if runs else 0), 30_000)
        year["mood"][day] = _clamp(1, random.gauss(5.6 + rested, 1), 9)
        year["coffees"][day] = _clamp(0, random.gauss(2.4 - 0.8 * rested, 0.7), 7)
        if days_ago % 3 == 0:
            year["weight"][day] = round(random.gauss(70.5 + days_ago / 180, 0.3), 1)
        if runs:
            year["went_running"][day] = 1
        if random.random() < (0.25 if rested < -1 else 0.04):
            year["headache"][day] = 1
        if random.random() < 0.4:
            year["read_a_book"][day] = 1
        if random.random() < 0.15:
            year["mood_note"][day] = random.choice(_NOTES)
    return year


def _clamp(minimum: int, value: float, maximum: int) -> int:
    return max(minimum, min(round(value), maximum))


def _add_correlations(user: User, year: _Year, now: dt.datetime) -> None:
    for name, other in (("mood", "sleep"), ("coffees", "sleep"), ("coffees", "mood")):
        coefficient = correlation(_numbers(year[name]), _numbers(year[other]))
        first, second = require_attribute(user, name), require_attribute(user, other)
        user.correlations.append(Correlation(first, second, round(coefficient, 4), user.local_time(now).date()))


def _add_insights(user: User, year: _Year, now: dt.datetime) -> None:
    created = user.local_time(now)
    for name, unit in (("steps", "steps"), ("coffees", "coffees")):
        numbers = dict(zip(year[name], _numbers(year[name]), strict=True))
        # The latest of equal days, because insights refer to recent events.
        day = max(list(numbers)[-30:], key=lambda day: (numbers[day], day))
        text = f"{day:%A}: {numbers[day]:,.0f} {unit}\nThe most in 30 days"
        user.insights.append(Insight(require_attribute(user, name), text, created, day, f"{name}_highest_month", 30, 4))


def _numbers(days: _Days) -> list[float]:
    return [float(value) for value in days.values()]
