"""Reads values from JSON lines: `{"name": …, "date": …, "value": …}`."""

import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterable

from attrs import frozen

from exist_async._http.converter import converter
from exist_async.cli.records import Line, Unreadable, Written
from exist_async.values import ValueUpdate
from exist_async.values.models import Value


@frozen
class _Entry:
    name: str
    date: dt.date
    value: Value


async def json_records(lines: AsyncIterable[Line]) -> AsyncGenerator[Written | Unreadable, None]:
    """Read a record from each line that is not blank; what else an object holds is passed over."""
    async for line in lines:
        if line.content.strip():
            yield _record(line)


def _record(line: Line) -> Written | Unreadable:
    try:
        entry = converter.loads(line.content, _Entry)
        return Written(line.number, ValueUpdate(entry.name, entry.date, entry.value))
    except ValueError as error:
        return Unreadable(line.number, str(error))
