"""The write operations for values, update and increment, and the reacquisition of their attributes."""

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final, Generic, TypeVar

import attrs

from exist_async._http.session import Session
from exist_async.attributes.requests import Acquirable, ByName, ByTemplate
from exist_async.attributes.writes import ACQUIRE, NOT_OWNED
from exist_async.batch.matching import Reply
from exist_async.batch.operation import WriteOperation
from exist_async.batch.results import KeptOutcomes
from exist_async.batch.writes import Write
from exist_async.errors import OutcomeUnknownError
from exist_async.outcomes import Outcome, OutcomeStatus
from exist_async.resource import ROOT
from exist_async.values import requests
from exist_async.values.models import ValueEcho
from exist_async.values.requests import ValueIncrement, ValueUpdate

V = TypeVar("V", ValueUpdate, ValueIncrement)

_NO_ATTRIBUTE: Final = "not_found"
"""Exist's error code for a value of an attribute that the user does not have."""


class Reacquisition(Generic[V]):
    """Acquires attributes whose values were refused, each of them once.

    An attribute of another service is acquired by name. One that the user does not have is acquired by the template
    with its name, if there is one, which creates it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._acquired: dict[str, Outcome[Acquirable, object]] = {}
        self._lock = asyncio.Lock()

    async def __call__(self, outcomes: Sequence[Outcome[V, ValueEcho]]) -> Mapping[int, Outcome[V, ValueEcho] | None]:
        """Acquire the attributes that are not owned, and return the new outcomes; None for items to send again."""
        refused = [outcome for outcome in outcomes if outcome.error_code in (NOT_OWNED, _NO_ATTRIBUTE)]
        if not refused:
            return {}
        async with self._lock:
            wanted: dict[str, Acquirable] = {}
            for outcome in refused:
                name = outcome.item.name
                if name not in self._acquired:
                    wanted[name] = ByName(name) if outcome.error_code == NOT_OWNED else ByTemplate(name, manual=False)
            acquired_now = KeptOutcomes[Acquirable, object]()
            await Write(self._session, ACQUIRE, None, acquired_now).run(list(wanted.values()))
            self._acquired.update(zip(wanted, acquired_now.result(ACQUIRE), strict=True))
        handled: dict[int, Outcome[V, ValueEcho] | None] = {}
        for outcome in refused:
            acquired = self._acquired[outcome.item.name]
            if acquired.status is OutcomeStatus.SUCCEEDED:
                handled[outcome.index] = None
            elif acquired.refused_for_itself:
                reason = ": ".join(filter(None, (acquired.error_code, acquired.error)))
                message = ". ".join(filter(None, (outcome.error, f"Acquiring it was refused: {reason}")))
                handled[outcome.index] = attrs.evolve(outcome, error=message)
            else:
                # Exist might accept the value now, but that was not tried.
                handled[outcome.index] = attrs.evolve(outcome, status=OutcomeStatus.NOT_SENT, cause=acquired.cause)
        return handled


def _share_parts(item: ValueUpdate | ValueIncrement, echo: ValueEcho) -> None:
    """Replace an echo's name and date by the item's objects: copies take a quarter of an outcome's memory."""
    if echo.name == item.name:
        object.__setattr__(echo, "name", item.name)
    # A date of another library is equal to the echo's, but of another class.
    if item.date.__class__ is dt.date and echo.date == item.date:
        object.__setattr__(echo, "date", item.date)


def _after_repeated_update(outcome: Outcome[ValueUpdate, ValueEcho]) -> Outcome[ValueUpdate, ValueEcho]:
    """Return "unknown" for an attribute that is no longer owned: the first attempt may have written its value."""
    if outcome.error_code not in (NOT_OWNED, _NO_ATTRIBUTE):
        return outcome
    cause = OutcomeUnknownError(
        "An earlier attempt may have written it, and now this service does not own the attribute. Doing it "
        "again is harmless.",
        repeatable=True,
        repeat_refused=True,
    )
    return attrs.evolve(outcome, status=OutcomeStatus.UNKNOWN, cause=cause)


# Writing a value twice changes nothing; adding it twice adds twice.

UPDATE: Final = WriteOperation[ValueUpdate, ValueEcho](
    kind="update",
    path=f"{ROOT}attributes/update/",
    repeatable=True,
    reply=Reply[ValueEcho],
    to_request=requests.to_updatable,
    match_key=requests.match_key,
    match_keys_of=requests.match_keys_of,
    conflict_key=requests.conflict_key,
    supersedes=True,
    on_repeat_refusal=_after_repeated_update,
    share_parts=_share_parts,
)
INCREMENT: Final = WriteOperation[ValueIncrement, ValueEcho](
    kind="increment",
    path=f"{ROOT}attributes/increment/",
    repeatable=False,
    reply=Reply[ValueEcho],
    to_request=requests.to_incrementable,
    match_key=requests.match_key,
    match_keys_of=requests.match_keys_of,
    conflict_key=requests.conflict_key,
    # There may be many increments a day, and if Exist refuses one of them, it usually refuses all.
    unique_per_request=False,
    share_parts=_share_parts,
)
