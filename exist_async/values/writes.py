"""The write operations for values, update and increment, with reacquisition and the default date."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Final

import attrs

from exist_async._http.session import Session
from exist_async.attributes.requests import Acquirable, ByName, ByTemplate
from exist_async.attributes.writes import ACQUIRE, NOT_OWNED
from exist_async.batch.matching import Reply
from exist_async.batch.operation import RefusalsHandled, WriteOperation
from exist_async.batch.writes import Write
from exist_async.errors import NoAnswerError, OutcomeUnknownError
from exist_async.outcomes import Outcome, OutcomeStatus
from exist_async.profile import Profile
from exist_async.resource import ROOT
from exist_async.values import requests
from exist_async.values.models import ValueEcho
from exist_async.values.requests import ValueIncrement, ValueUpdate

_NO_ATTRIBUTE: Final = "not_found"
"""Exist's error code for a value of an attribute that the user does not have."""


class Reacquisition:
    """Acquires attributes whose values were refused, each of them once.

    An attribute of another service is acquired by name. One that the user does not have is acquired by the template
    with its name, if there is one, which creates it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._acquired: dict[str, Outcome[Acquirable, object]] = {}
        self._lock = asyncio.Lock()

    async def __call__(
        self, outcomes: Sequence[Outcome[ValueUpdate, ValueEcho]]
    ) -> RefusalsHandled[ValueUpdate, ValueEcho]:
        """Acquire the attributes that are not owned, and return which items can be sent again."""
        refused = [outcome for outcome in outcomes if outcome.error_code in (NOT_OWNED, _NO_ATTRIBUTE)]
        if not refused:
            return RefusalsHandled(())
        async with self._lock:
            await self._acquire_once(refused)
        retry: set[int] = set()
        others: list[Outcome[ValueUpdate, ValueEcho]] = []
        for outcome in refused:
            acquired = self._acquired[outcome.item.name]
            if acquired.status is OutcomeStatus.SUCCEEDED:
                retry.add(outcome.index)
            elif acquired.refused_for_itself:
                reason = ": ".join(filter(None, (acquired.error_code, acquired.error)))
                message = ". ".join(filter(None, (outcome.error, f"Acquiring it was refused: {reason}")))
                others.append(attrs.evolve(outcome, error=message))
            else:
                # Exist might accept the value now, but that was not tried.
                others.append(attrs.evolve(outcome, status=OutcomeStatus.NOT_SENT, cause=acquired.cause))
        return RefusalsHandled(retry, others)

    async def _acquire_once(self, refused: Sequence[Outcome[ValueUpdate, ValueEcho]]) -> None:
        wanted: dict[str, Acquirable] = {}
        for outcome in refused:
            name = outcome.item.name
            if name not in self._acquired:
                wanted[name] = ByName(name) if outcome.error_code == NOT_OWNED else ByTemplate(name, manual=False)
        running = Write(self._session, ACQUIRE)
        await running.run(list(wanted.values()))
        self._acquired.update(zip(wanted, running.result, strict=True))


class DateFiller:
    """Sets the date of increments without one to today in the user's time zone, which it requests once.

    Exist also accepts increments without a date, but does not document which day that means.
    """

    def __init__(self, session: Session) -> None:
        self._profile = Profile(session)
        self._clock = session.options.clock
        self._start: tuple[dt.datetime, float] | None = None  # the user's local time, and the clock's time then

    async def __call__(self, items: Sequence[ValueIncrement]) -> Sequence[ValueIncrement]:
        """Return the items, each with a date."""
        if all(item.date is not None for item in items):
            return items
        if self._start is None:
            self._start = (await self._profile.now(), self._clock())
        local_time, clock_time = self._start
        try:
            # A stream may be read beyond midnight.
            today = (local_time + dt.timedelta(seconds=self._clock() - clock_time)).date()
        except OverflowError as error:
            raise NoAnswerError(f"the user's local time is {local_time}, the last possible one") from error
        return [item if item.date is not None else attrs.evolve(item, date=today) for item in items]


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
    )
    return attrs.evolve(outcome, status=OutcomeStatus.UNKNOWN, cause=cause)


# Writing a value twice changes nothing; adding it twice adds twice.

UPDATE: Final = WriteOperation[ValueUpdate, ValueEcho](
    path=f"{ROOT}attributes/update/",
    repeatable=True,
    reply=Reply[ValueEcho],
    to_request=requests.to_updatable,
    match_key=requests.match_key,
    match_keys_of=requests.match_keys_of,
    conflict_key=requests.conflict_key,
    on_repeat_refusal=_after_repeated_update,
    share_parts=_share_parts,
)
INCREMENT: Final = WriteOperation[ValueIncrement, ValueEcho](
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
