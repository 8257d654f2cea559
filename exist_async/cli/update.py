"""The command `update`."""

import codecs
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import CycloptsError, Parameter

from exist_async.attributes import ValueType
from exist_async.cli.connection import BaseUrl, connect
from exist_async.cli.csv_records import csv_records
from exist_async.cli.inputs import Input, opened
from exist_async.cli.json_records import json_records
from exist_async.cli.names import Stdin
from exist_async.cli.records import Line, Records
from exist_async.cli.stdin import lines, need_stdin
from exist_async.cli.waiting import Wait, patient
from exist_async.cli.writing import tell
from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError
from exist_async.resource import EXIST

Format = Literal["csv", "jsonl"]

_ACQUIRE_FIRST = (
    "values can be written to what this service owns: acquire the others first (exist-async acquire NAME, with "
    "--by-name for what is no template), or add --reacquire"
)


async def update(
    file: Path | None = None,
    /,
    *,
    stdin: Stdin = False,
    format_: Annotated[Format | None, Parameter(name="--format")] = None,
    reacquire: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    wait: Wait = False,
    base_url: BaseUrl = EXIST,
) -> int:
    """Write values that are read from a file or from standard input.

    Args:
        file: The file; standard input where it is left out.
        stdin: Read them from standard input, too.
        format_: What is read. By default JSON lines where the first one begins with a brace, else CSV.
        reacquire: Acquire attributes that belong to another service or that the user lacks, and write their values
            again.
        wait: Wait as long as it takes where the requests of an hour are spent.
        base_url: The origin of the service.
    """
    if file is None:
        need_stdin("values")
    elif stdin:
        raise CycloptsError("- stands alone: give a file, or - to read standard input, not both")
    with opened(file) as source:
        if source.is_typed:
            print("Reading lines of name,date,value until Ctrl-D:", file=sys.stderr)
        async with connect(base_url) as client:
            return await _write(patient(client, wait), source, format_, reacquire)


async def _write(exist: ExistClient, source: Input, format_: Format | None, reacquire: bool) -> int:
    async with aclosing(_numbered(source)) as numbered:
        first = await _first(numbered)
        read = json_records if (format_ or _guess(first, source)) == "jsonl" else csv_records
        types = await _value_types(exist, reacquire) if first is not None else dict[str, ValueType | None]()
        records = Records(read(_with_first(first, numbered), types), source.is_typed)
        return await tell(
            lambda note: exist.values.update(records.updates(), reacquire=reacquire, on_outcome=note),
            records,
            doing="Writing",
            done="written",
            if_not_owned=None if reacquire else _ACQUIRE_FIRST,
        )


async def _numbered(source: Input) -> AsyncGenerator[Line, None]:
    """Number the lines of an input from 1, blank ones too: editors count them."""
    number = 0
    async for content in lines(source):
        number += 1
        if number == 1:
            if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise ConfigurationError(f"{source.name} is UTF-16: save it as UTF-8")
            content = content.removeprefix(codecs.BOM_UTF8)
        yield Line(number, content)


async def _first(numbered: AsyncGenerator[Line, None]) -> Line | None:
    """Return the first line that is not blank; None where there is none."""
    async for line in numbered:
        if line.content.strip():
            return line
    return None


async def _with_first(first: Line | None, rest: AsyncGenerator[Line, None]) -> AsyncGenerator[Line, None]:
    if first is not None:
        yield first
    async for line in rest:
        yield line


def _guess(first: Line | None, source: Input) -> Format:
    beginning = first.content.lstrip()[:1] if first else b""
    if beginning == b"[":
        raise ConfigurationError(f"{source.name} is a JSON array: write each of its objects into a line of its own")
    return "jsonl" if beginning == b"{" else "csv"


async def _value_types(exist: ExistClient, reacquire: bool) -> Mapping[str, ValueType | None]:
    """Return the value types of what can be written: what is owned, and what can become so."""
    types: dict[str, ValueType | None] = {}
    if reacquire:
        async for template in exist.attributes.templates(include_low_priority=True):
            types[template.name] = template.value_type
        async for attribute in exist.attributes.list(include_inactive=True, include_low_priority=True):
            types[attribute.name] = attribute.value_type
    # A token that may only write is told of these alone.
    async for attribute in exist.attributes.owned(include_inactive=True, include_low_priority=True):
        types[attribute.name] = attribute.value_type
    return types
