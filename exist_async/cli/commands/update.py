"""The command `update`."""

import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from attrs import frozen
from cyclopts import CycloptsError, Parameter

from exist_async.batch.items import Items
from exist_async.batch.operation import OnOutcome
from exist_async.cli.connection import connect
from exist_async.cli.dry_run import plan_write, print_plan
from exist_async.cli.inputs import Input, open_input, require_stdin
from exist_async.cli.options import BaseUrl, Flag, StdinFlag, YesFlag
from exist_async.cli.output import print_error
from exist_async.cli.rate_limit_wait import waiting_client
from exist_async.cli.records import ImportFormat, Records
from exist_async.cli.rejects import RejectsFile, collect_rejects
from exist_async.cli.takeover import Ownership, confirm_takeover, naming_takings
from exist_async.cli.value_input import ValueTypes, open_records
from exist_async.cli.write_command import run_write
from exist_async.client import ExistClient
from exist_async.outcomes import FINE, BatchResult
from exist_async.resource import EXIST
from exist_async.values import ValueEcho, ValueUpdate

_NOT_OWNED_ADVICE = (
    "only attributes that this service owns can be written: run exist-async acquire NAME for the others first, with "
    "--by-name if NAME is not a template, or add --reacquire"
)

_LIMIT, _PERIOD = 300, 3600.0


async def update(
    file: Path | None = None,
    /,
    *,
    stdin: StdinFlag = False,
    format_: Annotated[ImportFormat | None, Parameter(name="--format")] = None,
    changed_only: Flag = False,
    reacquire: Flag = False,
    yes: YesFlag = False,
    dry_run: Flag = False,
    rejects: Path | None = None,
    wait: Flag = False,
    base_url: BaseUrl = EXIST,
) -> int:
    """Write values from a file or from standard input.

    Args:
        file: The file; by default standard input. It is read to its end before anything is written; a pipe is written
            while it is read.
        stdin: Read standard input.
        format_: Input format; by default JSON lines if the first line begins with a brace, else CSV.
        changed_only: Write only the values that differ from those that Exist has, which are read first where that
            saves requests.
        reacquire: Acquire attributes that belong to another service or that the user does not have, and write their
            values again.
        yes: With --reacquire, take attributes from other services without asking. Without a terminal, nothing is asked.
        dry_run: Write nothing: print the number of values and requests, how long they would take, and which attributes
            --reacquire would take from whom.
        rejects: Write the lines that are not accepted to this file, with the reason of each. Mend them there, and give
            it to update.
        wait: If the requests of this hour are used up, wait until more are allowed.
        base_url: Origin of the service.
    """
    if file is None:
        require_stdin("values")
    elif stdin:
        raise CycloptsError("- can't be combined with a file: give a file, or - to read standard input")
    if rejects is not None and dry_run:
        raise CycloptsError("--rejects can't be combined with --dry-run, which sends nothing that could be refused")
    rejects_file = None if rejects is None else RejectsFile(rejects)
    with open_input(file) as source:
        if source.is_interactive:
            print("Enter lines of name,date,value, and end with Ctrl-D:", file=sys.stderr)
        async with connect(base_url) as client:
            exist = waiting_client(client, wait)
            run = _Run(client, exist, source, format_, changed_only, reacquire, yes, rejects_file)
            return await (run.plan() if dry_run else run.write())


@frozen
class _Opened:
    """An input that is ready to be written.

    Attributes:
        records: Its records.
        updates: Their values: all of a file, else those that are still to come.
        ownership: The user's attributes and their owners; None if nothing is acquired.
    """

    records: Records
    updates: Items[ValueUpdate]
    ownership: Ownership | None


@frozen
class _Run:
    """A run of the command.

    Attributes:
        client: The client to close after Ctrl-C.
        exist: The client that waits for the rate limit as long as was asked for.
        source: The input.
        format: Its format, if that was given.
        changed_only: Whether only values that differ are written.
        reacquire: Whether attributes are acquired again.
        yes: Whether they are taken from other services without asking.
        rejects: The file for the lines that are not accepted.
    """

    client: ExistClient
    exist: ExistClient
    source: Input
    format: ImportFormat | None
    changed_only: bool
    reacquire: bool
    yes: bool
    rejects: RejectsFile | None

    async def plan(self) -> int:
        """Print what would be written, and return the exit code: 1 if a record can't be read."""
        async with self._open(whole=True) as opened:
            assert isinstance(opened.updates, Sequence)
            plan = await plan_write(self.exist, opened.updates, changed_only=self.changed_only)
            takings = None if opened.ownership is None else opened.ownership.takings(opened.updates)
        print_plan(plan, opened.records, takings, _LIMIT, _PERIOD)
        return 1 if opened.records.unreadable else 0

    async def write(self) -> int:
        """Write the values, print the outcomes, and return the exit code."""
        async with self._open(whole=self.source.is_regular_file) as opened:
            records, updates, ownership = opened.records, opened.updates, opened.ownership
            if self.rejects is not None:
                self.rejects.prepare(records, collect_rejects(records, ()))
            # The names in a pipe are not known before.
            takings = ownership.takings(updates) if ownership is not None and isinstance(updates, Sequence) else None
            if takings is not None and not await confirm_takeover(takings, yes=self.yes):
                return 1
            async with naming_takings(self.exist, ownership) as naming:
                return await run_write(
                    self.client,
                    lambda on_outcome: self._send(updates, naming(on_outcome)),
                    records,
                    activity="Writing",
                    success_label="written",
                    not_owned_advice=None if self.reacquire else _NOT_OWNED_ADVICE,
                    on_result=lambda result: self._write_rejects(records, result),
                )

    @asynccontextmanager
    async def _open(self, *, whole: bool) -> AsyncGenerator[_Opened, None]:
        """Open the input, and read it to its end if `whole` is set."""
        ownership: Ownership | None = None

        async def request_types() -> ValueTypes:
            nonlocal ownership
            if self.reacquire:
                ownership = await Ownership.look_up(self.exist)
            return await _value_types(self.exist, ownership)

        keeps_sources = self.rejects is not None
        async with open_records(self.source, self.format, request_types, keeps_sources=keeps_sources) as records:
            updates: Items[ValueUpdate] = records.updates()
            if whole:
                updates = [update async for update in records.updates()]
            yield _Opened(records, updates, ownership)

    async def _send(
        self, updates: Items[ValueUpdate], on_outcome: OnOutcome[ValueUpdate, ValueEcho]
    ) -> BatchResult[ValueUpdate, ValueEcho]:
        values = self.exist.values
        if self.changed_only:
            return await values.sync(updates, reacquire=self.reacquire, on_outcome=on_outcome)
        return await values.update(updates, reacquire=self.reacquire, on_outcome=on_outcome)

    def _write_rejects(self, records: Records, result: BatchResult[ValueUpdate, ValueEcho]) -> None:
        if self.rejects is None:
            return
        rejects = collect_rejects(records, result)
        count = self.rejects.write(records, rejects)
        if count:
            print_error(f"lines that were not accepted are in {self.rejects.path}, with the reason of each: {count}")
        if left_out := [reject.line_number for reject in rejects if not reject.source]:
            print_error(
                f"not in {self.rejects.path}: {_describe_lines(left_out)}, to be mended in {self.source.name} itself"
            )
        if any(outcome.status not in FINE and not outcome.refused_for_itself for outcome in result):
            print_error(f"lines that were not sent, or not answered, are not in {self.rejects.path}")


async def _value_types(exist: ExistClient, ownership: Ownership | None) -> ValueTypes:
    """Return the value types of the attributes that can be written: owned ones, and all others to be reacquired.

    Args:
        exist: The client.
        ownership: The user's attributes; None if only owned ones are written.
    """
    if ownership is None:
        # Also a token with write scopes alone may list the owned attributes.
        owned = exist.attributes.owned(include_inactive=True, include_low_priority=True)
        return {attribute.name: attribute.value_type async for attribute in owned}
    templates = exist.attributes.templates(include_low_priority=True)
    types = {template.name: template.value_type async for template in templates}
    return types | {attribute.name: attribute.value_type for attribute in (*ownership.listed, *ownership.owned)}


def _describe_lines(numbers: Sequence[int]) -> str:
    return f"{'line' if len(numbers) == 1 else 'lines'} {', '.join(map(str, numbers))}"
