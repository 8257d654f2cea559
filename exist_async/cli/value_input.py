"""Reads the values that `update` writes: CSV or JSON lines, numbered from 1."""

import codecs
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager

from exist_async.attributes import ValueType
from exist_async.cli.csv_records import parse_csv
from exist_async.cli.inputs import Input, read_lines
from exist_async.cli.json_records import parse_json_lines
from exist_async.cli.records import ImportFormat, Line, Records
from exist_async.errors import ConfigurationError

ValueTypes = Mapping[str, ValueType | None]


@asynccontextmanager
async def open_records(
    source: Input,
    import_format: ImportFormat | None,
    request_types: Callable[[], Awaitable[ValueTypes]],
    *,
    keeps_sources: bool = False,
) -> AsyncGenerator[Records, None]:
    """Open the records of an input for the duration of a block, which may end before all were read.

    Args:
        source: The input.
        import_format: Its format; None is JSON lines if the first line begins with a brace, else CSV.
        request_types: Requests the value types of the user's attributes; called if there is a line that is not blank.
        keeps_sources: Whether the text of each record is kept.

    Raises:
        ConfigurationError: The input is of another kind, or its columns can't be used.
    """
    async with aclosing(_numbered_lines(source)) as lines:
        first_line = await _skip_blank_lines(lines)
        format_ = import_format or _guess_format(first_line, source)
        parse = parse_json_lines if format_ == "jsonl" else parse_csv
        types: ValueTypes = {}
        if first_line is not None:
            types = await request_types()
        yield Records(parse(_prepend(first_line, lines), types), format_, source.is_interactive, keeps_sources)


async def _numbered_lines(source: Input) -> AsyncGenerator[Line, None]:
    """Number the lines of an input from 1, including blank ones, as editors do."""
    number = 0
    async for content in read_lines(source):
        number += 1
        if number == 1:
            if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise ConfigurationError(f"{source.name} is encoded in UTF-16: save it as UTF-8")
            content = content.removeprefix(codecs.BOM_UTF8)
        yield Line(number, content)


async def _skip_blank_lines(lines: AsyncGenerator[Line, None]) -> Line | None:
    """Return the first line that is not blank; None if there is none."""
    async for line in lines:
        if line.content.strip():
            return line
    return None


async def _prepend(first_line: Line | None, rest: AsyncGenerator[Line, None]) -> AsyncGenerator[Line, None]:
    if first_line is not None:
        yield first_line
    async for line in rest:
        yield line


def _guess_format(first_line: Line | None, source: Input) -> ImportFormat:
    first_character = first_line.content.lstrip()[:1] if first_line else b""
    if first_character == b"[":
        raise ConfigurationError(f"{source.name} is a JSON array: write one object a line instead")
    return "jsonl" if first_character == b"{" else "csv"
