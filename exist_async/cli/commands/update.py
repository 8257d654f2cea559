"""The command `update`."""

import asyncio
import datetime as dt
import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated

from attrs import frozen
from cyclopts import CycloptsError, Parameter

from exist_async.batch.items import Items
from exist_async.batch.operation import OnOutcome
from exist_async.cli.accounts import find_account
from exist_async.cli.budget import EXIST_BUDGET, Budget
from exist_async.cli.connection import connect
from exist_async.cli.dry_run import plan_write, print_plan
from exist_async.cli.inputs import Input, open_input, require_stdin
from exist_async.cli.kept_journals import JobRecord, KeptJournal
from exist_async.cli.options import BaseUrl, BudgetOption, Flag, StdinFlag, Wait, YesFlag
from exist_async.cli.output import one_line, print_error
from exist_async.cli.records import ImportFormat, Records
from exist_async.cli.rejects import RejectsFile, collect_rejects
from exist_async.cli.resumption import (
    ChangedInputError,
    check_free,
    check_unchanged,
    describe_journal_error,
    open_journal,
    print_going_on,
    remove_journal,
)
from exist_async.cli.stored_login import normalized_origin
from exist_async.cli.takeover import Ownership, confirm_takeover, naming_takeovers
from exist_async.cli.value_input import ValueTypes, open_records
from exist_async.cli.write_command import GO_ON, run_write
from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError, ExistAsyncError
from exist_async.journals.sqlite import Journal
from exist_async.outcomes import FINE, BatchResult, Outcome, OutcomeStatus
from exist_async.resource import EXIST
from exist_async.values import ValueEcho, ValueUpdate

_NOT_OWNED_ADVICE = (
    "only attributes that this service owns can be written: run exist-async acquire NAME for the others first, with "
    "--by-name if NAME is not a template, or add --reacquire"
)

_CHANGED = (
    "is not as it was when it was written: all of it is written again. With --changed-only, only what differs would be"
)


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
    journal: Path | None = None,
    no_journal: Flag = False,
    fresh: Flag = False,
    wait: Wait = None,
    budget: BudgetOption = EXIST_BUDGET,
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
        journal: Note in this file what is written, so that the same command goes on after an interruption. By default,
            a file has its journal in the folder for the state of programs, for 30 days; standard input has none.
        no_journal: Note nothing: after an interruption, the same command writes everything again.
        fresh: Write everything again, also what is noted as written.
        wait: If the requests of this hour are used up: wait until more are allowed, or end at once. By default wait in
            a terminal and for a file, and else for a minute at most.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    if file is None:
        require_stdin("values")
    elif stdin:
        raise CycloptsError("- can't be combined with a file: give a file, or - to read standard input")
    if rejects is not None and dry_run:
        raise CycloptsError("--rejects can't be combined with --dry-run, which sends nothing that could be refused")
    if no_journal and (fresh or journal is not None):
        raise CycloptsError(f"--no-journal can't be combined with {'--fresh' if fresh else '--journal'}")
    if file is None and fresh and journal is None:
        raise CycloptsError("--fresh begins a journal again, and standard input has none: add --journal FILE")
    with open_input(file) as source:
        if source.is_interactive:
            print("Enter lines of name,date,value, and end with Ctrl-D:", file=sys.stderr)
        async with connect(base_url, wait=wait, budget=budget, has_file=source.is_file) as exist:
            options = _Options(format_, changed_only, reacquire, yes, fresh, rejects, base_url)
            place: KeptJournal | None = None
            account = ""
            if journal is not None or (file is not None and source.is_regular_file and not no_journal):
                account = await find_account(exist, base_url)
            if journal is not None:
                place = KeptJournal(journal, has_record=False)
            elif account and file is not None:
                place = KeptJournal.for_file(normalized_origin(base_url), account, "update", file)
            digest = source.digest() if source.is_regular_file else ""
            run = _Run(exist, budget, source, options, account, place, digest)
            return await (run.plan() if dry_run else run.write())


@frozen
class _Options:
    """The options of a run.

    Attributes:
        format: Format of the input, if that was given.
        changed_only: Whether only values that differ are written.
        reacquire: Whether attributes are acquired again.
        yes: Whether they are taken from other services without asking.
        fresh: Whether values that are noted as written are written again.
        rejects: The file for the lines that are not accepted.
        base_url: Origin of the service.
    """

    format: ImportFormat | None
    changed_only: bool
    reacquire: bool
    yes: bool
    fresh: bool
    rejects: Path | None
    base_url: str

    @property
    def command(self) -> str:
        """The command with the options that make another kind of write of it."""
        return "update --changed-only" if self.changed_only else "update"


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
        exist: The client.
        budget: The requests that are allowed.
        source: The input.
        options: The options.
        account: The account that is written to, if there is a journal.
        place: The journal's place; None if there is none.
        digest: SHA-256 of the input, if it is a file.
    """

    exist: ExistClient
    budget: Budget
    source: Input
    options: _Options
    account: str
    place: KeptJournal | None
    digest: str

    async def plan(self) -> int:
        """Print what would be written, and return the exit code: 1 if a record can't be read."""
        if self._is_finished():
            return 0
        if self.place is not None and not self.options.fresh:
            await check_free(self.place, self.account, self.source.name, may_be_damaged=False)
        async with self._open(whole=True) as opened:
            assert isinstance(opened.updates, Sequence)
            updates = opened.updates
            if self.place is not None and not self.options.fresh and await self._can_go_on(self.place, opened):
                updates = await self._left(self.place, updates)
            plan = await plan_write(self.exist, updates, changed_only=self.options.changed_only)
            takeovers = None if opened.ownership is None else opened.ownership.takeovers(updates)
        print_plan(plan, opened.records, takeovers, self.budget)
        return 1 if opened.records.unreadable else 0

    async def write(self) -> int:
        """Write the values, print the outcomes, and return the exit code."""
        place = self.place
        if self._is_finished():
            return 0
        if place is not None:
            # Before requests that may have to wait for an hour.
            await check_free(place, self.account, self.source.name, may_be_damaged=self.options.fresh)
        async with self._open(whole=self.source.is_regular_file) as opened:
            can_go_on = place is None or (not self.options.fresh and await self._can_go_on(place, opened))
            if not await self._confirm(opened):
                return 1
            if place is None:
                return await self._write(opened, await self._prepare_rejects(opened.records))
            if not can_go_on:
                record = place.record
                is_changed = record is not None and record.digest != self.digest
                if is_changed and not (self.options.fresh or self.options.changed_only):
                    print_error(f"{self.source.name} {_CHANGED}")
                await remove_journal(place, self.account, self.source.name)
            total = len(opened.updates) if isinstance(opened.updates, Sequence) else None
            async with open_journal(
                place, self.account, self.source.name, total, retry_refused=self.options.reacquire
            ) as (journal, done):
                rejects = await self._prepare_rejects(opened.records, journal)
                place.write_record(JobRecord(self.options.command, self.digest))
                code = await self._write(opened, rejects, journal, done)
            place.write_record(JobRecord(self.options.command, self.digest, dt.datetime.now(dt.UTC), code == 0))
        return code

    def _is_finished(self) -> bool:
        """Whether an earlier run has written every line of this very file, which is then told."""
        record = None if self.place is None or self.options.fresh else self.place.record
        if record is None or record.ended is None or not record.is_complete or record.digest != self.digest:
            return False
        finished = f"{record.ended.astimezone():%Y-%m-%d %H:%M}"
        name = one_line(self.source.name)
        print(f"{name} finished on {finished}: every line was written. Add --fresh to write it again.")
        return True

    async def _can_go_on(self, place: KeptJournal, opened: _Opened) -> bool:
        """Whether a journal is of this write, or new. If not, it may be removed: nothing is left of its own write.

        Raises:
            ConfigurationError: The journal is of another write, of which something is left.
        """
        if not isinstance(opened.updates, Sequence) or not place.path.exists():
            return True
        record = place.record
        has_ended = record is not None and record.ended is not None
        if record is not None and record.command != self.options.command:
            if has_ended:
                return False
            former, to_go_on = ("without", "leave it out") if self.options.changed_only else ("with", "add it")
            raise ConfigurationError(
                f"an earlier run began to write {self.source.name} {former} --changed-only: {to_go_on} to go on, or "
                "add --fresh to write the file from its beginning"
            )
        if record is not None and record.digest == self.digest and not has_ended:
            return True
        try:
            async with Journal(place.path, user=self.account) as journal:
                await check_unchanged(journal, opened.records, opened.updates, self.source.name)
        except ChangedInputError:
            if not has_ended:
                raise
            return False
        return True

    async def _left(self, place: KeptJournal, updates: Sequence[ValueUpdate]) -> Sequence[ValueUpdate]:
        """Return the values that would be sent after an earlier run, and tell how many it has written."""
        if not place.path.exists():
            return updates
        async with Journal(place.path, user=self.account) as journal:
            outcomes = [outcome async for outcome in journal.outcomes()]
        done = {outcome.index for outcome in outcomes if outcome.status in FINE}
        refused = {outcome.index for outcome in outcomes if outcome.refused_for_itself}
        print_going_on(len(done), len(updates))
        # Refused values are sent again as `open_journal` does.
        if not self.options.reacquire and len(done) + len(refused) < len(updates):
            done |= refused
        return [update for index, update in enumerate(updates) if index not in done]

    async def _confirm(self, opened: _Opened) -> bool:
        """Ask whether to take attributes from other services, if that is asked, and return whether to go on."""
        # The names in a pipe are not known before.
        if opened.ownership is None or not isinstance(opened.updates, Sequence):
            return True
        return await confirm_takeover(opened.ownership.takeovers(opened.updates), yes=self.options.yes)

    async def _prepare_rejects(self, records: Records, journal: Journal | None = None) -> RejectsFile | None:
        """Return the file for the lines that are not accepted, after a check that it can be written."""
        if self.options.rejects is None:
            return None
        file = RejectsFile(self.options.rejects)
        refused: list[Outcome[ValueUpdate, ValueEcho]] = []
        if journal is not None:
            refused = [outcome async for outcome in journal.outcomes(status=OutcomeStatus.REFUSED)]
        file.prepare(records, collect_rejects(records, refused))
        return file

    async def _write(
        self, opened: _Opened, rejects: RejectsFile | None, journal: Journal | None = None, done: int = 0
    ) -> int:
        """Write the values of an input, print the outcomes, and return the exit code."""
        records = opened.records
        # With --fresh, the same command would begin once more.
        again = f"run the same command again{' without --fresh' if self.options.fresh else ''}"
        advice = f"{_NOT_OWNED_ADVICE}, and {again}" if journal is not None else _NOT_OWNED_ADVICE
        async with naming_takeovers(self.exist, opened.ownership) as naming:
            return await run_write(
                self.exist,
                lambda on_outcome: self._send(opened, naming(on_outcome), journal),
                records,
                activity="Writing",
                success_label="written",
                not_owned_advice=None if self.options.reacquire else advice,
                on_result=lambda outcomes: _write_rejects(rejects, self.source, records, outcomes, journal),
                journal=journal,
                go_on=f"R{again[1:]} to go on.",
                done=done,
            )

    @asynccontextmanager
    async def _open(self, *, whole: bool) -> AsyncGenerator[_Opened, None]:
        """Open the input, and read it to its end if `whole` is set."""
        ownership: Ownership | None = None

        async def request_types() -> ValueTypes:
            nonlocal ownership
            with self._telling_how_to_go_on():
                if self.options.reacquire:
                    ownership = await Ownership.look_up(self.exist, self.options.base_url)
                return await _value_types(self.exist, ownership)

        keeps_sources = self.options.rejects is not None
        async with open_records(
            self.source, self.options.format, request_types, keeps_sources=keeps_sources
        ) as records:
            updates: Items[ValueUpdate] = records.updates()
            if whole:
                with self._telling_how_to_go_on():
                    updates = [update async for update in records.updates()]
            yield _Opened(records, updates, ownership)

    @contextmanager
    def _telling_how_to_go_on(self) -> Generator[None]:
        """Print how to go on after Ctrl-C in a block before anything is written, which may wait for requests."""
        try:
            yield
        except asyncio.CancelledError:
            if self.source.is_regular_file:
                print_error(f"stopped: this run has written nothing. {GO_ON}")
            raise

    async def _send(
        self, opened: _Opened, on_outcome: OnOutcome[ValueUpdate, ValueEcho], journal: Journal | None
    ) -> BatchResult[ValueUpdate, ValueEcho]:
        values, reacquire = self.exist.values, self.options.reacquire
        send = values.sync if self.options.changed_only else values.update
        try:
            return await send(opened.updates, reacquire=reacquire, on_outcome=on_outcome, journal=journal)
        except ExistAsyncError as error:
            fault = error if isinstance(error, ConfigurationError) else error.__cause__
            if journal is None or not isinstance(fault, ConfigurationError) or fault is opened.records.error:
                raise
            if isinstance(opened.updates, Sequence):
                # The text may mean other values, because the types of attributes were not known before, or changed.
                await check_unchanged(journal, opened.records, opened.updates, self.source.name)
            raise describe_journal_error(fault, opened.records, error.result) from None


def _write_rejects(
    file: RejectsFile | None,
    source: Input,
    records: Records,
    outcomes: Sequence[Outcome[ValueUpdate, ValueEcho]],
    journal: Journal | None,
) -> None:
    if file is None:
        return
    rejects = collect_rejects(records, outcomes)
    count = file.write(records, rejects)
    if count:
        print_error(f"lines that were not accepted are in {file.path}, with the reason of each: {count}")
    if left_out := [reject.line_number for reject in rejects if not reject.source]:
        lines = f"{'line' if len(left_out) == 1 else 'lines'} {', '.join(map(str, left_out))}"
        print_error(f"not in {file.path}: {lines}, to be mended in {source.name} itself")
    if journal is None and any(each.status not in FINE and not each.refused_for_itself for each in outcomes):
        print_error(f"lines that were not sent, or not answered, are not in {file.path}")


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
