"""Makes this service the owner of attributes: acquires or creates those that it does not own yet."""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from exist_async._concurrency import as_exception, cancelled_by_caller
from exist_async._http.session import Session
from exist_async.attributes import writes
from exist_async.attributes.models import Attribute
from exist_async.attributes.requests import (
    ByName,
    ByTemplate,
    CustomAttribute,
    Ensurable,
    comparable_label,
    match_key,
    to_ensurable,
)
from exist_async.batch.items import ItemReader, Items, Stop, check_items
from exist_async.batch.journal import WriteJournal, begin, log_failed_note
from exist_async.batch.operation import OnOutcome, WriteOperation
from exist_async.batch.results import KeptOutcomes, conclude, log_outcomes
from exist_async.batch.writes import Write
from exist_async.errors import ExistAsyncError, JournalError
from exist_async.outcomes import BatchResult, Outcome, OutcomeStatus
from exist_async.paging import Paginator

_Outcomes: TypeAlias = dict[int, Outcome[Ensurable, Attribute]]


async def ensure(
    session: Session,
    items: Items[Any],
    owned: Paginator[Attribute],
    everything: Paginator[Attribute],
    on_outcome: OnOutcome[Ensurable, Attribute],
    given_journal: object,
) -> BatchResult[Ensurable, Attribute]:
    """Make this service the owner of every item: see `Attributes.ensure`.

    The listings are of the attributes that this service owns, and of all attributes of the user.
    """
    check_items(items, on_outcome)
    reader = ItemReader(items, to_ensurable)
    journal = None if given_journal is None else await begin(given_journal, session, "ensure")
    try:
        stop = await reader.read()
        running = _Ensure(session, reader.items, on_outcome, stop, journal)
        if stop is None:
            await running.run(owned, everything)
        return await running.conclude()
    finally:
        if journal is not None:
            journal.end()


@attrs.define(eq=False, repr=False)
class _Ensure:
    """One call of `ensure` in progress."""

    _session: Session
    _wanted: Sequence[Ensurable]
    _on_outcome: OnOutcome[Ensurable, Attribute]
    _stop: Stop | None
    _journal: WriteJournal | None
    # By index: the outcomes, and those of custom attributes whose creation was refused: their labels may exist.
    _outcomes: _Outcomes = attrs.field(init=False, factory=_Outcomes)
    _not_created: _Outcomes = attrs.field(init=False, factory=_Outcomes)
    _noted: list["asyncio.Future[None]"] = attrs.field(init=False, factory=list["asyncio.Future[None]"])

    async def run(self, owned: Paginator[Attribute], everything: Paginator[Attribute]) -> None:
        """Send the requests, until every item has its outcome or an error stops them."""
        try:
            if self._journal is not None:
                await self._session.prepare()
                await self._resume(self._journal)
            if not self._undecided(object):
                return
            again = self._match_owned(await owned.collect())
            to_acquire = self._undecided(ByTemplate | ByName) | again
            # In the order of the items: of several for one attribute, the last decides.
            await self._run_write(writes.ACQUIRE, dict(sorted(to_acquire.items())))
            await self._run_write(writes.CREATE, self._to_create())
            if self._not_created and self._stop is None:
                by_name = self._match_existing(await everything.collect())
                await self._run_write(writes.ACQUIRE, by_name)
        except asyncio.CancelledError as error:
            if cancelled_by_caller():
                for outcome in self._not_created.values():
                    if outcome.status is OutcomeStatus.UNKNOWN and outcome.index not in self._outcomes:
                        self._report(outcome)
                log_outcomes("ensure() was cancelled. Its known outcomes", list(self._outcomes.values()))
                raise
            self._stop = Stop(as_exception(error), from_caller=True)
        except Exception as error:  # noqa: BLE001  (errors from outside the package come from the caller's auth or limiter)
            self._stop = Stop(error, from_caller=not isinstance(error, ExistAsyncError))

    async def _resume(self, journal: WriteJournal) -> None:
        """Take the outcomes of an earlier call from the journal."""
        journal.check_end(len(self._wanted))
        known = await journal.resume(0, self._wanted)
        self._outcomes |= {outcome.index: outcome for outcome in known.told}

    async def conclude(self) -> BatchResult[Ensurable, Attribute]:
        """Return the result, or raise the error for items without an answer."""
        cause = self._stop.error if self._stop is not None else None
        for index, item in self._undecided(object).items():
            refusal = self._not_created.get(index)
            if refusal is None:
                self._report(Outcome(index, item, OutcomeStatus.NOT_SENT, cause=cause))
            elif refusal.refused_for_itself:
                # Whether its label exists was not found out; it keeps the reason all the same.
                self._report(attrs.evolve(refusal, status=OutcomeStatus.NOT_SENT, cause=cause))
            else:
                self._report(refusal)
        try:
            for noted in self._noted:
                await noted
        except JournalError as error:
            self._stop = self._stop or Stop(error)
        return conclude(BatchResult(tuple(self._outcomes[n] for n in range(len(self._wanted)))), self._stop)

    def _undecided(self, kind: Any) -> dict[int, Ensurable]:
        """Return the items of a class without an outcome, by index."""
        return {n: item for n, item in enumerate(self._wanted) if n not in self._outcomes and isinstance(item, kind)}

    def _match_owned(self, owned: list[Attribute]) -> dict[int, Ensurable]:
        """Record the outcomes of items that are owned as they should be; return the others that are owned, to acquire.

        Those are inactive, or have another `manual` than the item, or will have after an earlier item.
        """
        by_key: dict[Hashable, Attribute] = {("name", attribute.name): attribute for attribute in owned}
        by_key |= {("template", attribute.template): attribute for attribute in owned if attribute.template}
        by_label = _by_label(owned)
        again: dict[int, Ensurable] = {}
        changed: set[str] = set()
        for index, item in self._undecided(object).items():
            if not isinstance(item, CustomAttribute):
                found = by_key.get(match_key(item))
            elif (found := _best_match(item, by_label)) and not _has_same_type(item, found):
                self._report(_refused_for_type(index, item, found))
                continue
            if found is None:
                continue
            if found.active is not False and item.manual in (None, found.manual) and found.name not in changed:
                self._report(Outcome(index, item, OutcomeStatus.SUCCEEDED, value=found))
            else:
                again[index] = ByName(found.name, manual=item.manual)
                changed.add(found.name)
        return again

    def _to_create(self) -> dict[int, Ensurable]:
        """Return the custom attributes without an outcome, by index.

        Those that are the same but for the spelling of the label get that of the first, so that Exist creates only one.
        """
        labels: dict[str, str] = {}
        return {
            index: attrs.evolve(item, label=labels.setdefault(comparable_label(item.label), item.label))
            for index, item in self._undecided(CustomAttribute).items()
            if isinstance(item, CustomAttribute)
        }

    def _match_existing(self, everything: list[Attribute]) -> dict[int, ByName]:
        """Return the attributes to acquire by name, by index of their item; record the outcomes of the other items."""
        by_label = _by_label(everything)
        by_name: dict[int, ByName] = {}
        for index, refusal in self._not_created.items():
            item = self._wanted[index]
            assert isinstance(item, CustomAttribute)
            found = _best_match(item, by_label)
            if found is None:
                self._report(refusal)
            elif _has_same_type(item, found):
                by_name[index] = ByName(found.name, manual=item.manual)
            else:
                self._report(_refused_for_type(index, item, found))
        return by_name

    async def _run_write(self, operation: WriteOperation[Any, Attribute], items: Mapping[int, Ensurable]) -> None:
        if self._stop is not None:
            return
        indices = list(items)

        def final(outcome: Outcome[Any, Attribute]) -> Outcome[Ensurable, Attribute]:
            index = indices[outcome.index]
            return self._final(attrs.evolve(outcome, index=index, item=self._wanted[index]))

        def report(outcome: Outcome[Any, Attribute]) -> None:
            given = final(outcome)
            # A cancelled call may have reported it before.
            is_new = self._outcomes.get(given.index) is not given
            if is_new and not _may_exist(outcome):
                self._note(given)
            if self._on_outcome is not None and is_new and not _may_exist(outcome):
                # It is not called again if it raises.
                callback, self._on_outcome = self._on_outcome, None
                callback(given)
                self._on_outcome = callback

        outcomes = KeptOutcomes[Any, Attribute]()
        running = Write(self._session, operation, report, outcomes)
        await running.run(list(items.values()))
        for outcome in outcomes.result(operation):
            given = final(outcome)
            (self._not_created if _may_exist(outcome) else self._outcomes)[given.index] = given
        self._stop = running.stop

    def _final(self, outcome: Outcome[Ensurable, Attribute]) -> Outcome[Ensurable, Attribute]:
        """Return "unknown" for an item that may have been created, unless the outcome proves that it is owned."""
        created = self._not_created.get(outcome.index, outcome)
        is_unsettled = created.status is OutcomeStatus.UNKNOWN and outcome.status is not OutcomeStatus.SUCCEEDED
        return created if is_unsettled else outcome

    def _report(self, outcome: Outcome[Ensurable, Attribute]) -> None:
        """Record the final outcome of an item, and call the caller's callback."""
        outcome = self._final(outcome)
        self._outcomes[outcome.index] = outcome
        self._note(outcome)
        if self._on_outcome is None:
            return
        try:
            self._on_outcome(outcome)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  (raised with the result)
            self._on_outcome = None
            self._stop = Stop(as_exception(error), from_caller=True)

    def _note(self, outcome: Outcome[Ensurable, Attribute]) -> None:
        """Begin to note a final outcome in the journal, if there is one."""
        if self._journal is not None and outcome.status is not OutcomeStatus.NOT_SENT:
            noted = self._journal.note_outcomes([outcome])
            noted.add_done_callback(log_failed_note)
            self._noted.append(noted)


def _may_exist(outcome: Outcome[Any, Attribute]) -> bool:
    """Whether a custom attribute was not created, or perhaps was: whatever the reason, its label may exist now."""
    return isinstance(outcome.item, CustomAttribute) and outcome.status in (
        OutcomeStatus.REFUSED,
        OutcomeStatus.UNKNOWN,
    )


def _by_label(attributes: Sequence[Attribute]) -> dict[str, list[Attribute]]:
    by_label: dict[str, list[Attribute]] = {}
    for attribute in attributes:
        if attribute.label:
            by_label.setdefault(comparable_label(attribute.label), []).append(attribute)
    return by_label


def _best_match(item: CustomAttribute, by_label: Mapping[str, Sequence[Attribute]]) -> Attribute | None:
    """Return the attribute with an item's label: of several, one with its value type, and its spelling of the label."""
    found = by_label.get(comparable_label(item.label), ())
    return max(found, key=lambda each: (_has_same_type(item, each), each.label == item.label), default=None)


def _has_same_type(item: CustomAttribute, found: Attribute) -> bool:
    return found.value_type is None or found.value_type == item.value_type


def _refused_for_type(index: int, item: CustomAttribute, found: Attribute) -> Outcome[Ensurable, Attribute]:
    return Outcome(
        index,
        item,
        OutcomeStatus.REFUSED,
        error_code=writes.EXISTS,
        error=f"attribute '{found.name}' has this label, but value type {found.value_type!r}, not {item.value_type!r}",
    )
