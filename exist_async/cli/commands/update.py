"""The command `update`."""

import codecs
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import CycloptsError, Parameter

from exist_async.attributes import ValueType
from exist_async.cli.budget import EXIST_BUDGET
from exist_async.cli.connection import connect
from exist_async.cli.csv_records import parse_csv
from exist_async.cli.inputs import Input, open_input, read_lines, require_stdin
from exist_async.cli.json_records import parse_json_lines
from exist_async.cli.options import BaseUrl, BudgetOption, Flag, StdinFlag, Wait
from exist_async.cli.records import Line, Records
from exist_async.cli.takeover import Ownership, naming_takings
from exist_async.cli.write_command import run_write
from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError
from exist_async.resource import EXIST

ImportFormat = Literal["csv", "jsonl"]

_NOT_OWNED_ADVICE = (
    "only attributes that this service owns can be written: run exist-async acquire NAME for the others first, with "
    "--by-name if NAME is not a template, or add --reacquire"
)


async def update(
    file: Path | None = None,
    /,
    *,
    stdin: StdinFlag = False,
    format_: Annotated[ImportFormat | None, Parameter(name="--format")] = None,
    reacquire: Flag = False,
    wait: Wait = None,
    budget: BudgetOption = EXIST_BUDGET,
    base_url: BaseUrl = EXIST,
) -> int:
    """Write values from a file or from standard input.

    Args:
        file: The file; by default standard input.
        stdin: Read standard input.
        format_: Input format; by default JSON lines if the first line begins with a brace, else CSV.
        reacquire: Acquire attributes that belong to another service or that the user does not have, and write their
            values again.
        wait: If the requests of this hour are used up: wait until more are allowed, or end at once. By default wait in
            a terminal and for a file, and else for a minute at most.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    if file is None:
        require_stdin("values")
    elif stdin:
        raise CycloptsError("- can't be combined with a file: give a file, or - to read standard input")
    with open_input(file) as source:
        if source.is_interactive:
            print("Enter lines of name,date,value, and end with Ctrl-D:", file=sys.stderr)
        async with connect(base_url, wait=wait, budget=budget, has_file=source.is_file) as exist:
            return await _write(exist, source, format_, reacquire)


async def _write(exist: ExistClient, source: Input, import_format: ImportFormat | None, reacquire: bool) -> int:
    async with aclosing(_numbered_lines(source)) as lines:
        first_line = await _skip_blank_lines(lines)
        parse = parse_json_lines if (import_format or _guess_format(first_line, source)) == "jsonl" else parse_csv
        ownership = await Ownership.look_up(exist) if reacquire and first_line is not None else None
        types = dict[str, ValueType | None]() if first_line is None else await _value_types(exist, ownership)
        records = Records(parse(_prepend(first_line, lines), types), source.is_interactive)
        async with naming_takings(exist, ownership) as naming:
            return await run_write(
                exist,
                lambda on_outcome: exist.values.update(
                    records.updates(), reacquire=reacquire, on_outcome=naming(on_outcome)
                ),
                records,
                activity="Writing",
                success_label="written",
                not_owned_advice=None if reacquire else _NOT_OWNED_ADVICE,
            )


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


async def _value_types(exist: ExistClient, ownership: Ownership | None) -> Mapping[str, ValueType | None]:
    """Return the value types of the attributes that can be written: owned ones, and all others to be reacquired.

    Args:
        exist: The client.
        ownership: The user's attributes; None if only owned ones are written.
    """
    if ownership is None:
        # Also a token with write scopes alone may list the owned attributes.
        owned = exist.attributes.owned(include_inactive=True, include_low_priority=True)
        return {attribute.name: attribute.value_type async for attribute in owned}
    types: dict[str, ValueType | None] = {}
    async for template in exist.attributes.templates(include_low_priority=True):
        types[template.name] = template.value_type
    for attribute in (*ownership.listed, *ownership.owned):
        types[attribute.name] = attribute.value_type
    return types
