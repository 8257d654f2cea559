"""Parses values from JSON lines: `{"name": …, "date": …, "value": …}`."""

from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from typing import cast

import msgspec

from exist_async.attributes import ValueType
from exist_async.cli.records import COLUMNS, Line, ParsedRecord, UnreadableRecord
from exist_async.cli.value_text import check_json_value, parse_date
from exist_async.values import ValueUpdate


async def parse_json_lines(
    lines: AsyncIterable[Line], types: Mapping[str, ValueType | None]
) -> AsyncGenerator[ParsedRecord | UnreadableRecord, None]:
    """Parse a record from each line that is not blank. Other members of the objects are ignored.

    Args:
        lines: The lines of the input.
        types: Value types by attribute name, to check the values.
    """
    async for line in lines:
        if line.content.strip():
            yield _parse_record(line, types)


def _parse_record(line: Line, types: Mapping[str, ValueType | None]) -> ParsedRecord | UnreadableRecord:
    members: Mapping[str, object] = {}
    try:
        members = _decode_object(line.content)
        return ParsedRecord(line.number, _make_update(members, types))
    except ValueError as error:
        name = members.get("name")
        return UnreadableRecord(line.number, str(error), name if isinstance(name, str) else "")


def _decode_object(content: bytes) -> Mapping[str, object]:
    try:
        content.decode()
        decoded: object = msgspec.json.decode(content)
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("not valid JSON") from None
    if isinstance(decoded, dict):
        return cast("dict[str, object]", decoded)
    raise ValueError("not a JSON object: write name, date and value in braces")


def _make_update(members: Mapping[str, object], types: Mapping[str, ValueType | None]) -> ValueUpdate:
    if missing := [column for column in COLUMNS if column not in members]:
        raise ValueError(f"missing: {', '.join(missing)}")
    name, day, value = (members[column] for column in COLUMNS)
    if isinstance(name, str) and isinstance(day, str):
        name = name.strip()
        return ValueUpdate(name, parse_date(day), check_json_value(value, types.get(name)))
    raise ValueError("name and date must be strings in quotes")
