"""Parses values from JSON lines: `{"name": …, "date": …, "value": …}`."""

import json
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from typing import cast

import msgspec

from exist_async.attributes import ValueType
from exist_async.cli.records import COLUMNS, EmptyRecord, Line, ParsedRecord, Record, UnreadableRecord
from exist_async.cli.value_text import check_json_value, is_blank, parse_date, shorten
from exist_async.values import ValueUpdate


async def parse_json_lines(
    lines: AsyncIterable[Line], types: Mapping[str, ValueType | None]
) -> AsyncGenerator[Record, None]:
    """Parse a record from each line that is not blank. Other members of the objects are ignored.

    Args:
        lines: The lines of the input.
        types: Value types by attribute name, to check the values.
    """
    async for line in lines:
        if line.content.strip():
            yield _parse_record(line, types)


def _parse_record(line: Line, types: Mapping[str, ValueType | None]) -> Record:
    members: Mapping[str, object] = {}
    source = line.content.decode(errors="surrogateescape")
    try:
        members = _decode_object(line.content)
        update = _make_update(members, types)
        return EmptyRecord(line.number) if update is None else ParsedRecord(line.number, update, source)
    except ValueError as error:
        name = members.get("name")
        return UnreadableRecord(line.number, str(error), name if isinstance(name, str) else "", source)


def _decode_object(content: bytes) -> Mapping[str, object]:
    try:
        content.decode()
        decoded: object = msgspec.json.decode(content)
        # msgspec takes the last of two members with one name. The numbers are not needed, and stay text.
        json.loads(content, object_pairs_hook=_refuse_repeated_members, parse_int=str, parse_float=str)
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("not valid JSON") from None
    if isinstance(decoded, dict):
        return cast("dict[str, object]", decoded)
    raise ValueError("not a JSON object: write name, date and value in braces")


def _refuse_repeated_members(members: Sequence[tuple[str, object]]) -> None:
    names = [name for name, _ in members]
    if len(set(names)) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member {shorten(repeated)!r} is there twice: remove one")


def _make_update(members: Mapping[str, object], types: Mapping[str, ValueType | None]) -> ValueUpdate | None:
    """Return the value to write; None if there is none.

    Raises:
        ValueError: A member is missing or invalid.
    """
    if missing := [column for column in COLUMNS if column not in members]:
        raise ValueError(f"missing: {', '.join(missing)}")
    name, day, value = (members[column] for column in COLUMNS)
    if is_blank(value) and is_blank(day):
        return None
    if isinstance(name, str) and isinstance(day, str):
        name, date = name.strip(), parse_date(day)
        return None if is_blank(value) else ValueUpdate(name, date, check_json_value(value, types.get(name)))
    raise ValueError("name and date must be strings in quotes")
