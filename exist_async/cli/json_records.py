"""Reads values from JSON lines: `{"name": …, "date": …, "value": …}`."""

from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from typing import cast

from exist_async._json import ANYTHING, UnreadableError, decode
from exist_async.attributes import ValueType
from exist_async.cli.csv_records import COLUMNS
from exist_async.cli.days import parse_day
from exist_async.cli.records import Line, Unreadable, Written
from exist_async.cli.value_text import from_json
from exist_async.values import ValueUpdate


async def json_records(
    lines: AsyncIterable[Line], types: Mapping[str, ValueType | None]
) -> AsyncGenerator[Written | Unreadable, None]:
    """Read a record from each line that is not blank; what else an object holds is passed over.

    Args:
        lines: The lines.
        types: The value types of attributes, by which a value is judged.
    """
    async for line in lines:
        if line.content.strip():
            yield _record(line, types)


def _record(line: Line, types: Mapping[str, ValueType | None]) -> Written | Unreadable:
    entry: Mapping[str, object] = {}
    try:
        entry = _entry(line.content)
        return Written(line.number, _update(entry, types))
    except ValueError as error:
        name = entry.get("name")
        return Unreadable(line.number, str(error), name if isinstance(name, str) else "")


def _entry(content: bytes) -> Mapping[str, object]:
    try:
        content.decode()
        entry = decode(content, ANYTHING)
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except UnreadableError:
        raise ValueError("it is no JSON") from None
    if isinstance(entry, dict):
        return cast("dict[str, object]", entry)
    raise ValueError("it is no object: write name, date and value in braces")


def _update(entry: Mapping[str, object], types: Mapping[str, ValueType | None]) -> ValueUpdate:
    if missing := [column for column in COLUMNS if column not in entry]:
        raise ValueError(f"it is without: {', '.join(missing)}")
    name, day, value = (entry[column] for column in COLUMNS)
    if isinstance(name, str) and isinstance(day, str):
        name = name.strip()
        return ValueUpdate(name, parse_day(day), from_json(value, types.get(name)))
    raise ValueError("name and date are written in quotes")
