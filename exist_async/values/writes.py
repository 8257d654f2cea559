"""How values are updated and incremented."""

import datetime as dt

import attrs

from exist_async._http.session import Session
from exist_async.batch.endpoint import Endpoint
from exist_async.batch.replies import Reply
from exist_async.errors import OutcomeUnknownError
from exist_async.outcomes import Outcome, OutcomeStatus
from exist_async.resource import ROOT
from exist_async.values import requests
from exist_async.values.models import ValueEcho
from exist_async.values.reacquire import LOST, MISSING, Reacquisition
from exist_async.values.requests import ValueIncrement, ValueUpdate
from exist_async.values.today import Today


def update(session: Session, *, reacquire: bool) -> Endpoint[ValueUpdate, ValueEcho]:
    """Update values. Writing a value a second time changes nothing."""
    return Endpoint(
        path=f"{ROOT}attributes/update/",
        query="",
        repeatable=True,
        reply=Reply[ValueEcho],
        prepare=requests.updatable,
        subject=requests.subject,
        subjects_of=requests.subjects_of,
        thing=requests.day_of,
        remedy=Reacquisition(session) if reacquire else None,
        second_time=_lost_meanwhile,
        share=_share,
    )


def increment(session: Session) -> Endpoint[ValueIncrement, ValueEcho]:
    """Increment values. A request that is carried out twice adds twice."""
    return Endpoint(
        path=f"{ROOT}attributes/increment/",
        query="",
        repeatable=False,
        reply=Reply[ValueEcho],
        prepare=requests.incrementable,
        subject=requests.subject,
        subjects_of=requests.subjects_of,
        thing=requests.day_of,
        # Events of one day come in numbers, and what Exist refuses one of them for it mostly refuses all for.
        one_of_each=False,
        complete=Today(session),
        share=_share,
    )


def _share(item: ValueUpdate | ValueIncrement, echo: ValueEcho) -> None:
    """Have a fresh echo hold the item's own name and day: its copies are a quarter of what an outcome takes."""
    if echo.name == item.name:
        object.__setattr__(echo, "name", item.name)
    # Another library's day is equal to the echo's, and is no plain one.
    if item.date.__class__ is dt.date and echo.date == item.date:
        object.__setattr__(echo, "date", item.date)


def _lost_meanwhile(outcome: Outcome[ValueUpdate, ValueEcho]) -> Outcome[ValueUpdate, ValueEcho]:
    """Leave open whether a value was written by the first attempt, if the attribute is gone at the second."""
    if outcome.error_code not in (LOST, MISSING):
        return outcome
    cause = OutcomeUnknownError(
        "An earlier attempt to write it was not answered, and now the attribute is not this service's. Doing it again "
        "is harmless.",
        repeatable=True,
    )
    return attrs.evolve(outcome, status=OutcomeStatus.UNKNOWN, cause=cause)
