"""Acquires the attributes whose values were refused because this service does not own them."""

import asyncio
from collections.abc import Sequence
from typing import Final

import attrs

from exist_async._http.session import Session
from exist_async.attributes.requests import Acquirable, ByName, ByTemplate
from exist_async.attributes.writes import acquisition
from exist_async.batch.endpoint import Remedied
from exist_async.batch.writes import Write
from exist_async.outcomes import Outcome, OutcomeStatus
from exist_async.values.models import ValueEcho
from exist_async.values.requests import ValueUpdate

LOST: Final = "unauthorised"
"""Exist's code for a value of an attribute that is another service's."""

MISSING: Final = "not_found"
"""Exist's code for a value of an attribute that the user lacks."""


class Reacquisition:
    """Acquires each attribute once, however many of its values were refused in however many requests.

    An attribute of another service's is acquired by its name; one that the user lacks by its template, if there is one
    of that name, as provided by a service.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._acquired: dict[str, Outcome[Acquirable, object]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, outcomes: Sequence[Outcome[ValueUpdate, ValueEcho]]) -> Remedied[ValueUpdate, ValueEcho]:
        """Acquire what some outcomes show to be lost or missing, and say which of their items can be sent again."""
        refused = [outcome for outcome in outcomes if outcome.error_code in (LOST, MISSING)]
        if not refused:
            return Remedied(())
        async with self._one_at_a_time:
            await self._acquire(refused)
        again: set[int] = set()
        not_helped: list[Outcome[ValueUpdate, ValueEcho]] = []
        for outcome in refused:
            acquired = self._acquired[outcome.item.name]
            if acquired.status is OutcomeStatus.SUCCEEDED:
                again.add(outcome.index)
            elif acquired.refused_for_itself:
                why = ": ".join(filter(None, (acquired.error_code, acquired.error)))
                words = ". ".join(filter(None, (outcome.error, f"Acquiring it was refused: {why}")))
                not_helped.append(attrs.evolve(outcome, error=words))
            else:
                # Whether Exist would take it now, nobody asked.
                not_helped.append(attrs.evolve(outcome, status=OutcomeStatus.NOT_SENT, cause=acquired.cause))
        return Remedied(again, not_helped)

    async def _acquire(self, refused: Sequence[Outcome[ValueUpdate, ValueEcho]]) -> None:
        wanted: dict[str, Acquirable] = {}
        for outcome in refused:
            name = outcome.item.name
            if name not in self._acquired:
                wanted[name] = ByName(name) if outcome.error_code == LOST else ByTemplate(name, manual=False)
        sending = Write(self._session, acquisition())
        await sending.run(list(wanted.values()))
        self._acquired.update(zip(wanted, sending.result, strict=True))
