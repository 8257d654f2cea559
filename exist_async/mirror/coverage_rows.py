"""The table `coverage` of a mirror: the days of each attribute that have been read, and the times."""

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from exist_async.mirror.coverage import ONE_DAY, Coverage, Covered, add_covered
from exist_async.values.history_plan import Span

if TYPE_CHECKING:
    import sqlite3

_SELECT: Final = 'SELECT attribute, start, "end", read_at FROM coverage'
_SHORTEST_STEP: Final = dt.timedelta(microseconds=1)


def load_coverage(connection: "sqlite3.Connection") -> Coverage:
    """Return what has been read of each attribute."""
    coverage: dict[str, list[Covered]] = {}
    for name, *row in connection.execute(f"{_SELECT} ORDER BY attribute, start"):
        coverage.setdefault(name, []).append(_covered(*row))
    return coverage


def add_to_coverage(connection: "sqlite3.Connection", parts: Iterable[tuple[str, Span]], read_at: dt.datetime) -> None:
    """Note that days of attributes have been read."""
    for name, span in parts:
        # With its neighbours, which it may be merged with.
        end, start = (span.end + ONE_DAY).isoformat(), (span.start - ONE_DAY).isoformat()
        around = f'{_SELECT} WHERE attribute = ? AND start <= ? AND "end" >= ? ORDER BY start'
        before = [_covered(*row) for _, *row in connection.execute(around, (name, end, start))]
        connection.executemany(
            "DELETE FROM coverage WHERE attribute = ? AND start = ?",
            [(name, part.span.start.isoformat()) for part in before],
        )
        connection.executemany(
            "INSERT INTO coverage VALUES (?, ?, ?, ?)",
            [
                (name, part.span.start.isoformat(), part.span.end.isoformat(), _text(part.read_at))
                for part in add_covered(before, Covered(span, read_at))
            ],
        )


def forget_coverage(connection: "sqlite3.Connection", names: Iterable[str]) -> None:
    """Note that all days of some attributes have to be read again."""
    connection.executemany("DELETE FROM coverage WHERE attribute = ?", [(name,) for name in names])


def time_of_reading(connection: "sqlite3.Connection", now: dt.datetime) -> dt.datetime:
    """Return the time of a reading that begins now: later than that of every reading before."""
    (latest,) = connection.execute("SELECT max(read_at) FROM coverage").fetchone()
    now = now.astimezone(dt.UTC)
    return now if latest is None else max(now, dt.datetime.fromisoformat(latest) + _SHORTEST_STEP)


def _covered(start: str, end: str, read_at: str) -> Covered:
    span = Span(dt.date.fromisoformat(start), dt.date.fromisoformat(end))
    return Covered(span, dt.datetime.fromisoformat(read_at))


def _text(time: dt.datetime) -> str:
    # Always with as many digits, so that texts compare as times do.
    return time.isoformat(timespec="microseconds")
