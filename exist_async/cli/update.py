"""The command `update`."""

import codecs
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Literal

from cyclopts import Parameter

from exist_async.attributes import ValueType
from exist_async.cli.connection import BaseUrl, connect
from exist_async.cli.csv_records import csv_records
from exist_async.cli.json_records import json_records
from exist_async.cli.records import Line, Records
from exist_async.cli.stdin import is_typed, lines, need_stdin
from exist_async.cli.waiting import Wait, patient
from exist_async.cli.writing import tell
from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError
from exist_async.resource import EXIST

Format = Literal["csv", "jsonl"]


async def update(
    *,
    format_: Annotated[Format | None, Parameter(name="--format")] = None,
    reacquire: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    wait: Wait = False,
    base_url: BaseUrl = EXIST,
) -> int:
    """Write values that are read from standard input.

    Args:
        format_: What is read. By default JSON lines where the first one begins with a brace, else CSV.
        reacquire: Acquire attributes that belong to another service or that the user lacks, and write their values
            again.
        wait: Wait as long as it takes where the requests of an hour are spent.
        base_url: The origin of the service.
    """
    need_stdin("values")
    if is_typed():
        print("Reading lines of name,date,value until Ctrl-D:", file=sys.stderr)
    async with connect(base_url) as client, aclosing(_numbered()) as numbered:
        exist = patient(client, wait)
        first = await _first(numbered)
        following = _with_first(first, numbered)
        if (format_ or _guess(first)) == "jsonl":
            source = json_records(following)
        else:
            source = csv_records(following, await _value_types(exist, reacquire) if first else {})
        records = Records(source)
        return await tell(
            lambda note: exist.values.update(records.updates(), reacquire=reacquire, on_outcome=note),
            records,
            doing="Writing",
            done="written",
        )


async def _numbered() -> AsyncGenerator[Line, None]:
    """Number the lines of standard input from 1, blank ones too: editors count them."""
    number = 0
    async for content in lines():
        number += 1
        if number == 1:
            if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise ConfigurationError("standard input is UTF-16: save it as UTF-8")
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


def _guess(first: Line | None) -> Format:
    beginning = first.content.lstrip()[:1] if first else b""
    if beginning == b"[":
        raise ConfigurationError("standard input is a JSON array: write each of its objects into a line of its own")
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
