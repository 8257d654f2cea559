"""Writes what Exist answers into the tables of a mirror's file. All functions are called within a transaction."""

import datetime as dt
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from exist_async.attributes import Attribute
from exist_async.averages import Average
from exist_async.correlations import Correlation
from exist_async.errors import ConfigurationError
from exist_async.insights import Insight
from exist_async.mirror.wide import rebuild_view
from exist_async.profile import UserProfile
from exist_async.values.history_plan import Span
from exist_async.values.models import DayValue, Value

if TYPE_CHECKING:
    import sqlite3

_LARGEST_INTEGER: Final = 2**63 - 1

_PROFILE: Final = (
    *("first_name", "last_name", "avatar", "timezone"),
    *("imperial_distance", "imperial_weight", "imperial_energy", "imperial_liquid", "imperial_temperature"),
    *("trial", "delinquent", "weekly_email", "yearly_email"),
)
_AVERAGE: Final = ("overall", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CORRELATION: Final = (
    *("date", "period", "value", "p", "percentage", "stars", "second_person", "second_person_elements"),
    *("strength_description", "stars_description", "description", "occurrence"),
    *("rating_positive", "rating_type", "rating"),
)


def begin_pull(connection: "sqlite3.Connection", service: str, profile: UserProfile, now: dt.datetime) -> int:
    """Check that the file is of a user of a service, store the profile, and return the number of a new pull.

    Raises:
        ConfigurationError: The file is of another user or service.
    """
    username = profile.username or ""
    owner = connection.execute("SELECT service, username FROM profile").fetchone()
    if owner is not None and owner != (service, username):
        message = (
            f"the mirror has the data of {owner[1]!r} at {owner[0]}, and not of {username!r} at {service}: "
            "use a file for each user"
        )
        if owner[0] == service:
            literal = "'" + username.replace("'", "''") + "'"
            message += f". If this user was renamed, first run in sqlite3: UPDATE profile SET username = {literal}"  # noqa: S608  (it is not executed here)
        raise ConfigurationError(message)
    flags = [getattr(profile, name) for name in _PROFILE]
    _upsert(
        connection,
        "profile",
        {"service": service, "username": username},
        [*zip(_PROFILE, flags, strict=True), ("read_at", text_of_time(now))],
    )
    cursor = connection.execute("INSERT INTO pull (started) VALUES (?)", (text_of_time(now),))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def end_pull(
    connection: "sqlite3.Connection",
    number: int,
    now: dt.datetime,
    *,
    requests: int,
    new: int,
    changed: int,
    error: str | None = None,
    **report: object,
) -> None:
    """Store the outcome of a pull. `report` has further columns; dates and times are stored as text, others as JSON."""
    columns = {"ended": now, "requests": requests, "new": new, "changed": changed, "error": error, **report}
    assignments = ", ".join(f"{_quoted(name)} = ?" for name in columns)
    values = [_plain(value) for value in columns.values()]
    connection.execute(f"UPDATE pull SET {assignments} WHERE id = ?", (*values, number))  # noqa: S608  (constants)


def put_attributes(connection: "sqlite3.Connection", attributes: Iterable[Attribute], now: dt.datetime) -> None:
    """Store all attributes that Exist lists. Others are kept, and marked as not listed any more."""
    before = dict(connection.execute("SELECT name, position FROM attribute"))
    listed = {attribute.name: attribute for attribute in attributes}
    for attribute in listed.values():
        position = before.setdefault(attribute.name, max(before.values(), default=0) + 1)
        _upsert(connection, "attribute", {"name": attribute.name}, _attribute_columns(attribute, position))
    gone = [(text_of_time(now), name) for name in before if name not in listed]
    connection.executemany("UPDATE attribute SET listed = 0, unlisted_at = ? WHERE name = ? AND listed", gone)
    rebuild_view(connection)


def put_values(
    connection: "sqlite3.Connection",
    rows: Iterable[tuple[str, DayValue]],
    now: dt.datetime,
    *,
    complete: Iterable[tuple[str, Span]] = (),
) -> tuple[int, int]:
    """Store values, the last one of a day if there are several; return how many are new and how many have changed.

    Values that Exist has no more are kept, and marked as removed, which counts as a change; and so does a removed value
    that is there again. An attribute that is not known yet is added.

    Args:
        connection: The connection.
        rows: Names of attributes and values.
        now: The time.
        complete: Names of attributes and days, of which these are all values: others were removed.
    """
    given: dict[str, dict[str, Value | None]] = {}
    for name, of_day in rows:
        given.setdefault(name, {})[of_day.date.isoformat()] = of_day.value
    spans: dict[str, list[tuple[str, str]]] = {name: [] for name in given}
    for name, span in complete:
        spans.setdefault(name, []).append((span.start.isoformat(), span.end.isoformat()))
    new: list[tuple[Any, ...]] = []
    changed: list[tuple[Any, ...]] = []
    removed: list[tuple[Any, ...]] = []
    for name, of_name in spans.items():
        values = given.get(name, {})
        known = _known_values(connection, name, [*values, *chain.from_iterable(of_name)])
        for date, value in sorted(values.items()):
            if value is not None and date not in known:
                new.append((name, date, *columns_of(value)))
            elif value is not None and known[date] != value:
                changed.append((*columns_of(value), name, date))
        removed += [
            (text_of_time(now), name, date)
            for date, value in known.items()
            if value is not None
            and values.get(date) is None
            and (date in values or any(start <= date <= end for start, end in of_name))
        ]
    if new:
        _add_unknown_attributes(connection, {row[0] for row in new})
        connection.executemany("INSERT INTO value (attribute, date, number, text) VALUES (?, ?, ?, ?)", new)
        connection.executemany("INSERT OR IGNORE INTO day VALUES (?)", sorted({(row[1],) for row in new}))
    connection.executemany(
        "UPDATE value SET number = ?, text = ?, removed_at = NULL WHERE attribute = ? AND date = ?", changed
    )
    connection.executemany("UPDATE value SET removed_at = ? WHERE attribute = ? AND date = ?", removed)
    return len(new), len(changed) + len(removed)


def put_averages(connection: "sqlite3.Connection", averages: Iterable[Average]) -> None:
    """Store averages. One without a date is stored with an empty one."""
    for average in averages:
        keys = {"attribute": average.attribute, "date": _plain(average.date) or ""}
        _upsert(connection, "average", keys, [(name, getattr(average, name)) for name in _AVERAGE])


def put_correlations(connection: "sqlite3.Connection", correlations: Iterable[Correlation], now: dt.datetime) -> None:
    """Store all correlations that Exist lists. Others are kept, and marked as not listed any more."""
    connection.execute("UPDATE correlation SET listed = 0, unlisted_at = ? WHERE listed", (text_of_time(now),))
    for correlation in correlations:
        keys = {
            "attribute": correlation.attribute,
            "attribute2": correlation.attribute2,
            "offset": correlation.offset or 0,
            "attribute_category": correlation.attribute_category or "",
        }
        rating = correlation.rating
        values = {
            **{name: getattr(correlation, name, None) for name in _CORRELATION},
            "rating_positive": rating and rating.positive,
            "rating_type": rating and rating.rating_type,
            "rating": rating and rating.rating,
        }
        _upsert(connection, "correlation", keys, [*values.items(), ("listed", True), ("unlisted_at", None)])


def put_insights(connection: "sqlite3.Connection", insights: Iterable[Insight]) -> None:
    """Store insights, each once."""
    for insight in insights:
        kind = insight.type
        keys = {
            "created": "" if insight.created is None else insight.created.isoformat(),
            "target_date": _plain(insight.target_date) or "",
            "type": (kind and kind.name) or "",
            "text": insight.text or "",
        }
        values = [
            ("type_period", kind and kind.period),
            ("type_priority", kind and kind.priority),
            ("type_template", kind and kind.attribute and kind.attribute.name),
            ("html", insight.html),
        ]
        _upsert(connection, "insight", keys, values)


def read_part_span(connection: "sqlite3.Connection", part: str) -> Span | None:
    """Return the days of which a part, such as "averages", has been read; None if it has not."""
    row = connection.execute('SELECT start, "end" FROM part WHERE name = ?', (part,)).fetchone()
    return None if row is None else Span(*map(dt.date.fromisoformat, row))


def put_part_span(connection: "sqlite3.Connection", part: str, span: Span) -> None:
    """Store the days of which a part has been read."""
    _upsert(connection, "part", {"name": part}, [("start", span.start), ("end", span.end)])


def columns_of(value: Value | None) -> tuple[int | float | str | None, str | None]:
    """Return what the columns `number` and `text` have of a value; both are NULL if there is none.

    SQLite has no integers of more than 64 bits: their digits are stored, as text in the column `number`.
    """
    if isinstance(value, str):
        return None, value
    if value is not None and (abs(value) > _LARGEST_INTEGER if isinstance(value, int) else not math.isfinite(value)):
        return str(value), None
    return value, None


def value_from(number: float | str | None, text: str | None) -> Value | None:
    """Return the value that has these columns."""
    if isinstance(number, str):
        return int(number) if number.lstrip("-").isdecimal() else float(number)
    return text if number is None else number


def text_of_time(time: dt.datetime) -> str:
    """Return a time as it is stored: in UTC, so that texts are in the order of the times."""
    return time.astimezone(dt.UTC).isoformat(timespec="seconds")


def _known_values(connection: "sqlite3.Connection", name: str, dates: Sequence[str]) -> dict[str, Value | None]:
    """Return the stored values of an attribute from the first to the last of some days; None are removed ones."""
    rows = connection.execute(
        "SELECT date, number, text, removed_at FROM value WHERE attribute = ? AND date BETWEEN ? AND ?",
        (name, min(dates), max(dates)),
    )
    return {date: value_from(number, text) if gone is None else None for date, number, text, gone in rows}


def _add_unknown_attributes(connection: "sqlite3.Connection", names: Iterable[str]) -> None:
    """Add attributes that appeared after the listing was read."""
    known = dict(connection.execute("SELECT name, position FROM attribute"))
    unknown = sorted(set(names) - set(known))
    for position, name in enumerate(unknown, max(known.values(), default=0) + 1):
        _upsert(connection, "attribute", {"name": name}, [("position", position), ("listed", True)])
    if unknown:
        rebuild_view(connection)


def _attribute_columns(attribute: Attribute, position: int) -> Sequence[tuple[str, Any]]:
    group, service = attribute.group, attribute.service
    services = [{"name": service.name, "label": service.label} for service in attribute.available_services]
    return [
        ("label", attribute.label),
        ("template", attribute.template),
        ("group", group and group.name),
        ("group_label", group and group.label),
        ("group_priority", group and group.priority),
        ("service", service and service.name),
        ("service_label", service and service.label),
        ("value_type", attribute.value_type),
        ("value_type_description", attribute.value_type_description),
        ("active", attribute.active),
        ("manual", attribute.manual),
        ("priority", attribute.priority),
        ("available_services", services or None),
        ("position", position),
        ("listed", True),
        ("unlisted_at", None),
    ]


def _upsert(
    connection: "sqlite3.Connection", table: str, keys: Mapping[str, Any], columns: Sequence[tuple[str, Any]]
) -> None:
    """Insert a row, or update the one with these keys."""
    names = [_quoted(name) for name in (*keys, *(name for name, _ in columns))]
    values = [_plain(value) for value in (*keys.values(), *(value for _, value in columns))]
    updates = ", ".join(f"{name} = excluded.{name}" for name in names[len(keys) :])
    connection.execute(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "  # noqa: S608  (constants)
        f"ON CONFLICT ({', '.join(names[: len(keys)])}) DO UPDATE SET {updates}",
        values,
    )


def _plain(value: object) -> int | float | str | None:
    """Return a value as it is stored: dates and times as text, lists as JSON."""
    match value:
        case None | int() | float() | str():
            return columns_of(value)[0] if isinstance(value, int) else value
        case dt.datetime():
            return text_of_time(value)
        case dt.date():
            return value.isoformat()
        case _:
            return json.dumps(value, ensure_ascii=False)


def _quoted(name: str) -> str:
    return f'"{name}"'
