"""Reads attributes and values from a mirror's file."""

import datetime as dt
import json
from typing import TYPE_CHECKING, Final

from attrs import frozen

from exist_async.attributes import Attribute, Group, Service, ValueType
from exist_async.mirror.rows import value_from
from exist_async.tables.columns import Columns
from exist_async.values.models import DayValue

if TYPE_CHECKING:
    import sqlite3

VALUES_AT_ONCE: Final = 4000

_FIRST_DAY: Final = dt.date.min
_LAST_DAY: Final = dt.date.max


@frozen
class MirroredAttribute(Attribute):
    """An attribute of a mirror, as Exist listed it last.

    Attributes:
        listed: Whether Exist still lists it. If not, its values are kept.
        unlisted_at: When a pull found first that Exist does not list it any more; None if it does.
    """

    listed: bool = True
    unlisted_at: dt.datetime | None = None


def read_attributes(connection: "sqlite3.Connection") -> list[MirroredAttribute]:
    """Return all attributes, in the order in which Exist listed them first."""
    rows = connection.execute(
        'SELECT name, template, label, "group", group_label, group_priority, service, service_label, active, priority, '
        "manual, value_type, value_type_description, available_services, listed, unlisted_at "
        "FROM attribute ORDER BY position"
    )
    return [
        MirroredAttribute(
            name=name,
            template=template,
            label=label,
            group=None if group is None else Group(group, group_label, group_priority),
            service=None if service is None else Service(service, service_label),
            active=None if active is None else bool(active),
            priority=priority,
            manual=None if manual is None else bool(manual),
            value_type=None if value_type is None else ValueType(value_type),
            value_type_description=description,
            available_services=tuple(Service(**one) for one in json.loads(services or "[]")),
            listed=bool(listed),
            unlisted_at=None if unlisted_at is None else dt.datetime.fromisoformat(unlisted_at),
        )
        for name, template, label, group, group_label, group_priority, service, service_label, active, priority,
        manual, value_type, description, services, listed, unlisted_at in rows
    ]  # fmt: skip


def read_values(
    connection: "sqlite3.Connection", name: str, start: dt.date | None, before: dt.date | None, end: dt.date | None
) -> list[DayValue]:
    """Return some values of an attribute, the newest first: those before a day, or else those until the last one.

    Values that were removed from Exist are left out.
    """
    rows = connection.execute(
        "SELECT date, number, text FROM value WHERE attribute = ? AND date >= ? AND date <= ? AND date < ? "
        "AND removed_at IS NULL ORDER BY date DESC LIMIT ?",
        (
            name,
            (start or _FIRST_DAY).isoformat(),
            (end or _LAST_DAY).isoformat(),
            "~" if before is None else before.isoformat(),
            VALUES_AT_ONCE,
        ),
    )
    return [DayValue(dt.date.fromisoformat(date), value_from(number, text)) for date, number, text in rows]


def read_columns(
    connection: "sqlite3.Connection", names: list[str] | None, start: dt.date | None, end: dt.date | None
) -> Columns:
    """Return the values of some attributes, or of all, as they are at one moment, without those that were removed."""
    named = "" if names is None else f"attribute IN ({', '.join('?' * len(names))}) AND "
    rows = connection.execute(
        f"SELECT attribute, date, number, text FROM value WHERE {named}date BETWEEN ? AND ? "  # noqa: S608  (only placeholders are inserted)
        "AND removed_at IS NULL ORDER BY attribute, date",
        (*(names or ()), (start or _FIRST_DAY).isoformat(), (end or _LAST_DAY).isoformat()),
    )
    columns = Columns(names)
    columns.add((name, DayValue(dt.date.fromisoformat(date), value_from(*value))) for name, date, *value in rows)
    return columns
