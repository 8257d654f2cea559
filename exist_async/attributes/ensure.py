"""Sees to it that this service owns attributes: left alone, acquired or created, whichever each one takes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from exist_async._concurrency import as_exception, cancelled_by_caller
from exist_async._http.session import Session
from exist_async.attributes import writes
from exist_async.attributes.models import Attribute
from exist_async.attributes.requests import ByName, ByTemplate, CustomAttribute, Ensurable, ensurable, same_label
from exist_async.batch.endpoint import Endpoint
from exist_async.batch.items import ItemReader, Items, Stop, check_items
from exist_async.batch.late import log_cancelled
from exist_async.batch.writes import Write, conclude
from exist_async.errors import ExistAsyncError
from exist_async.outcomes import BatchResult, Outcome, OutcomeStatus
from exist_async.paging import Paginator

Told = Callable[[Outcome[Ensurable, Attribute]], None] | None


async def ensure(
    session: Session,
    items: Items[Any],
    *,
    owned: Paginator[Attribute],
    everything: Paginator[Attribute],
    on_outcome: Told,
) -> BatchResult[Ensurable, Attribute]:
    """Own every item, as `Attributes.ensure` has it.

    Args:
        session: What makes the calls.
        items: The items.
        owned: All that this service owns.
        everything: All that the user has.
        on_outcome: Called with each outcome once it is known.
    """
    check_items(items, on_outcome)
    wanted: list[Ensurable] = []
    stop = await ItemReader(items).read(ensurable, wanted)
    ensuring = _Ensuring(session, wanted, on_outcome, stop)
    if wanted and stop is None:
        await ensuring.run(owned, everything)
    return ensuring.conclude()


class _Ensuring:
    """The work of `ensure` on some items."""

    def __init__(self, session: Session, wanted: Sequence[Ensurable], on_outcome: Told, stop: Stop | None) -> None:
        self._session = session
        self._wanted = wanted
        self._on_outcome = on_outcome
        self._outcomes: dict[int, Outcome[Ensurable, Attribute]] = {}
        # Custom attributes that could not be created because their label exists.
        self._existing: dict[int, Outcome[Ensurable, Attribute]] = {}
        self._stop = stop

    async def run(self, owned: Paginator[Attribute], everything: Paginator[Attribute]) -> None:
        """Give every item its outcome."""
        try:
            self._leave_alone(await owned.collect())
            await self._write(writes.acquisition(), self._open(ByTemplate | ByName))
            await self._write(writes.creation(), self._open(CustomAttribute))
            if self._existing and self._stop is None:
                by_name = self._find_existing(await everything.collect())
                await self._write(writes.acquisition(), by_name)
        except asyncio.CancelledError as error:
            if cancelled_by_caller():
                self._tell_unsettled()
                log_cancelled("ensure()", list(self._outcomes.values()))
                raise
            self._stop = Stop(as_exception(error), callers_own=True)
        except Exception as error:  # noqa: BLE001  (what is not of our tree is their auth's or their limiter's)
            self._stop = Stop(error, callers_own=not isinstance(error, ExistAsyncError))

    def conclude(self) -> BatchResult[Ensurable, Attribute]:
        """Return the result, or raise the error that says why some items have no answer."""
        cause = self._stop.error if self._stop is not None else None
        self._tell_unsettled()
        for place, item in self._open(object).items():
            self._decide(Outcome(place, item, OutcomeStatus.NOT_SENT, cause=cause))
        return conclude(BatchResult(tuple(self._outcomes[n] for n in range(len(self._wanted)))), self._stop)

    def _tell_unsettled(self) -> None:
        """Decide those whose creation may have been carried out, whatever failed after that."""
        for place, outcome in self._existing.items():
            if outcome.status is OutcomeStatus.UNKNOWN and place not in self._outcomes:
                self._outcomes[place] = outcome
                self._tell(outcome)

    def _is_unsettled(self, outcome: Outcome[Any, Attribute]) -> bool:
        """Whether an item may have been created, and an outcome does not say that it is owned."""
        created = self._existing.get(outcome.index)
        return (
            created is not None
            and created.status is OutcomeStatus.UNKNOWN
            and outcome.status is not OutcomeStatus.SUCCEEDED
        )

    def _open(self, kind: Any) -> dict[int, Ensurable]:
        """Return the items of a kind that have no outcome yet, by their index."""
        return {n: item for n, item in enumerate(self._wanted) if n not in self._outcomes and isinstance(item, kind)}

    def _leave_alone(self, owned: list[Attribute]) -> None:
        by_template = {attribute.template: attribute for attribute in owned if attribute.template}
        by_name = {attribute.name: attribute for attribute in owned}
        by_label = _by_label(owned)
        for place, item in enumerate(self._wanted):
            match item:
                case ByTemplate():
                    found = by_template.get(item.template)
                case ByName():
                    found = by_name.get(item.name)
                case CustomAttribute():
                    found = _best(item, by_label)
            if found is None:
                continue
            if isinstance(item, CustomAttribute) and not _same_type(item, found):
                self._decide(_of_another_type(place, item, found))
            else:
                self._decide(Outcome(place, item, OutcomeStatus.SUCCEEDED, value=found))

    def _find_existing(self, everything: list[Attribute]) -> dict[int, ByName]:
        """Return how to acquire what exists already, by index; what can't be had is decided."""
        by_label = _by_label(everything)
        by_name: dict[int, ByName] = {}
        for place, refusal in self._existing.items():
            item = self._wanted[place]
            assert isinstance(item, CustomAttribute)
            found = _best(item, by_label)
            if found is None:
                self._decide(refusal)
            elif _same_type(item, found):
                by_name[place] = ByName(found.name, manual=item.manual)
            else:
                self._decide(_of_another_type(place, item, found))
        return by_name

    async def _write(self, endpoint: Endpoint[Any, Attribute], items: Mapping[int, Ensurable]) -> None:
        if self._stop is not None:
            return
        places = list(items)

        def placed(outcome: Outcome[Any, Attribute]) -> Outcome[Ensurable, Attribute]:
            place = places[outcome.index]
            return attrs.evolve(outcome, index=place, item=self._wanted[place])

        def tell(outcome: Outcome[Any, Attribute]) -> None:
            there = placed(outcome)
            if self._on_outcome is not None and not _exists(outcome) and not self._is_unsettled(there):
                told, self._on_outcome = self._on_outcome, None
                told(there)
                # One that raised is not called again.
                self._on_outcome = told

        sending = Write(self._session, endpoint, tell)
        await sending.run(list(items.values()))
        for outcome in sending.result:
            there = placed(outcome)
            if _exists(outcome):
                self._existing[there.index] = there
            elif not self._is_unsettled(there):
                self._outcomes[there.index] = there
        self._stop = sending.stop

    def _decide(self, outcome: Outcome[Ensurable, Attribute]) -> None:
        """Note an outcome that no further request changes."""
        if not self._is_unsettled(outcome):
            self._outcomes[outcome.index] = outcome
            self._tell(outcome)

    def _tell(self, outcome: Outcome[Ensurable, Attribute]) -> None:
        if self._on_outcome is None:
            return
        try:
            self._on_outcome(outcome)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  (it reaches the caller with the result)
            self._on_outcome = None
            self._stop = Stop(as_exception(error), callers_own=True)


def _exists(outcome: Outcome[Any, Attribute]) -> bool:
    """Whether Exist says of a custom attribute that was to be created that its label exists."""
    return isinstance(outcome.item, CustomAttribute) and outcome.error_code == writes.EXISTS


def _by_label(attributes: Sequence[Attribute]) -> dict[str, list[Attribute]]:
    by_label: dict[str, list[Attribute]] = {}
    for attribute in attributes:
        if attribute.label:
            by_label.setdefault(same_label(attribute.label), []).append(attribute)
    return by_label


def _best(item: CustomAttribute, by_label: Mapping[str, Sequence[Attribute]]) -> Attribute | None:
    """Return the attribute that has the item's label, one of its value type if there are several."""
    found = by_label.get(same_label(item.label), ())
    return next((attribute for attribute in found if _same_type(item, attribute)), found[0] if found else None)


def _same_type(item: CustomAttribute, found: Attribute) -> bool:
    return found.value_type is None or found.value_type == item.value_type


def _of_another_type(place: int, item: CustomAttribute, found: Attribute) -> Outcome[Ensurable, Attribute]:
    return Outcome(
        place,
        item,
        OutcomeStatus.REFUSED,
        error_code=writes.EXISTS,
        error=f"Attribute '{found.name}' has this label, and value type {found.value_type!r}, not {item.value_type!r}",
    )
