"""Fills the account of a user with a year of plausible data, the same each time."""

import datetime as dt
from collections.abc import Mapping
from random import Random
from statistics import correlation
from typing import Final, TypeAlias

from exist_async.sandbox.findings import Correlation, Insight
from exist_async.sandbox.groups import SCOPES
from exist_async.sandbox.seeding import attribute_of, seed_attribute, seed_values
from exist_async.sandbox.services import Service
from exist_async.sandbox.users import User
from exist_async.sandbox.value_types import BOOLEAN
from exist_async.sandbox.values import Value
from exist_async.sandbox.world import World

__all__ = ["add_sample"]

_Days: TypeAlias = Mapping[dt.date, Value]
_Year: TypeAlias = Mapping[str, _Days]

_DAYS: Final = 365
_SEED: Final = 1815

_OF_THE_CLIENT: Final = ("steps", "mood", "mood_note", "coffees")
_OF_THE_TRACKER: Final = ("sleep", "sleep_start", "weight")
_MEASURED: Final = ("steps", *_OF_THE_TRACKER)
_TAGS: Final = {"went_running": "Went running", "headache": "Headache", "read_a_book": "Read a book"}
_NOTES: Final = ("A walk by the river", "Too many meetings", "Dinner with Mary, and a long talk", "Nothing much")


def add_sample(world: World, user: User, client: Service, now: dt.datetime) -> None:
    """Give a user attributes with a year of values, and what Exist would find in them.

    Args:
        world: Gets another service, "tracker", which owns what a device measures: sleep and weight.
        user: Has no attributes yet.
        client: Owns the rest.
        now: The moment whose day, where the user is, is the last one.

    Raises:
        ValueError: The user has attributes already.
    """
    if user.attributes:
        raise ValueError(f"{user.username} has attributes already: a sample is for a user without any")
    tracker = next((service for service in world.services if service.name == "tracker"), None)
    if tracker is None:
        tracker = world.add_service(
            "tracker", "Fitness tracker", SCOPES, client_id=None, client_secret=None, redirect_uri=client.redirect_uri
        )
    values = _year(user.local(now).date())
    for template in _OF_THE_CLIENT + _OF_THE_TRACKER:
        _add(user, tracker if template in _OF_THE_TRACKER else client, template=template)
    for name, label in _TAGS.items():
        _add(user, client, name=name, label=label)
    for name, days in values.items():
        seed_values(user, name, days)
    _find_correlations(user, values, now)
    _find_insights(user, values, now)


def _add(
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


def _year(today: dt.date) -> _Year:
    """Return the values of each attribute: who sleeps well has better days, and drinks less coffee."""
    random = Random(_SEED)  # noqa: S311  (nothing here is a secret)
    year: dict[str, dict[dt.date, Value]] = {name: {} for name in (*_OF_THE_CLIENT, *_OF_THE_TRACKER, *_TAGS)}
    for ago in range(_DAYS - 1, -1, -1):
        day = today - dt.timedelta(days=ago)
        weekend = day.weekday() >= 5
        asleep = _within(240, random.gauss(470 if weekend else 430, 45), 620)
        rested = (asleep - 440) / 45
        runs = random.random() < (0.45 if weekend else 0.2)
        year["sleep"][day] = asleep
        year["sleep_start"][day] = _within(480, random.gauss(690 if weekend else 650, 30), 900)
        year["steps"][day] = _within(400, random.gauss(7500, 2200) + (4500 if runs else 0), 30_000)
        year["mood"][day] = _within(1, random.gauss(5.6 + rested, 1), 9)
        year["coffees"][day] = _within(0, random.gauss(2.4 - 0.8 * rested, 0.7), 7)
        if ago % 3 == 0:
            year["weight"][day] = round(random.gauss(70.5 + ago / 180, 0.3), 1)
        if runs:
            year["went_running"][day] = 1
        if random.random() < (0.25 if rested < -1 else 0.04):
            year["headache"][day] = 1
        if random.random() < 0.4:
            year["read_a_book"][day] = 1
        if random.random() < 0.15:
            year["mood_note"][day] = random.choice(_NOTES)
    return year


def _within(lowest: int, value: float, highest: int) -> int:
    return max(lowest, min(round(value), highest))


def _find_correlations(user: User, year: _Year, now: dt.datetime) -> None:
    for name, other in (("mood", "sleep"), ("coffees", "sleep"), ("coffees", "mood")):
        found = correlation(_numbers(year[name]), _numbers(year[other]))
        first, second = attribute_of(user, name), attribute_of(user, other)
        user.correlations.append(Correlation(first, second, round(found, 4), user.local(now).date()))


def _find_insights(user: User, year: _Year, now: dt.datetime) -> None:
    created = user.local(now)
    for name, unit in (("steps", "steps"), ("coffees", "coffees")):
        numbers = dict(zip(year[name], _numbers(year[name]), strict=True))
        # The latest of the best: insights are about what happened not long ago.
        day = max(list(numbers)[-30:], key=lambda day: (numbers[day], day))
        text = f"{day:%A}: {numbers[day]:,.0f} {unit}\nThe most in 30 days"
        user.insights.append(Insight(attribute_of(user, name), text, created, day, f"{name}_highest_month", 30, 4))


def _numbers(days: _Days) -> list[float]:
    return [float(value) for value in days.values()]
