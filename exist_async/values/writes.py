"""How values are updated and incremented."""

from exist_async._http.session import Session
from exist_async.batch.endpoint import Endpoint
from exist_async.batch.replies import Reply
from exist_async.resource import ROOT
from exist_async.values import requests
from exist_async.values.models import ValueEcho
from exist_async.values.reacquire import Reacquisition
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
    )
