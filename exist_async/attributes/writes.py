"""How attributes are created, acquired and released."""

from typing import Any, Final

import attrs

from exist_async._http.call import encode_query
from exist_async.attributes import requests
from exist_async.attributes.models import Attribute, AttributeEcho
from exist_async.attributes.requests import Acquirable, ByName, Creatable
from exist_async.batch.endpoint import Endpoint
from exist_async.batch.replies import Reply
from exist_async.errors import OutcomeUnknownError
from exist_async.outcomes import Outcome, OutcomeStatus
from exist_async.resource import ROOT, encode_filters

EXISTS: Final = "exists"
"""Exist's code for what can't be created because it is there."""

_NOT_OURS = "unauthorised"


def creation(*, success_objects: bool = True) -> Endpoint[Creatable, Any]:
    """Create attributes. An equal template or label answers `exists`, so repeating a request makes no double."""
    return Endpoint(
        path=f"{ROOT}attributes/create/",
        query=encode_query(encode_filters(flags={"success_objects": success_objects})),
        repeatable=True,
        reply=_reply(success_objects),
        prepare=requests.creatable,
        subject=requests.subject,
        subjects_of=requests.subjects_of,
        thing=requests.thing,
        second_time=_exists_perhaps_because_of_us,
    )


def acquisition(*, success_objects: bool = True, allow_user_defined: bool = False) -> Endpoint[Acquirable, Any]:
    """Acquire attributes. Acquiring what is owned already changes nothing."""
    flags = {"success_objects": success_objects, "allow_user_defined": allow_user_defined}
    return Endpoint(
        path=f"{ROOT}attributes/acquire/",
        query=encode_query(encode_filters(flags=flags)),
        repeatable=True,
        reply=_reply(success_objects),
        prepare=requests.acquirable,
        subject=requests.subject,
        subjects_of=requests.subjects_of,
        thing=requests.thing,
    )


def release() -> Endpoint[ByName, AttributeEcho]:
    """Release attributes. Releasing what was released is refused, and changes nothing."""
    return Endpoint(
        path=f"{ROOT}attributes/release/",
        query="",
        repeatable=True,
        reply=Reply[AttributeEcho],
        prepare=requests.releasable,
        subject=requests.subject,
        subjects_of=requests.subjects_of,
        thing=requests.thing,
        second_time=_released_already,
    )


def _exists_perhaps_because_of_us(outcome: Outcome[Creatable, Any]) -> Outcome[Creatable, Any]:
    """Leave open who made what a repeated request finds there: the user before, or the first attempt."""
    if outcome.error_code != EXISTS:
        return outcome
    cause = OutcomeUnknownError(
        "An earlier attempt to create it was not answered, and now it exists. Doing it again is harmless: ensure() "
        "finds out what there is.",
        repeatable=True,
    )
    return attrs.evolve(outcome, status=OutcomeStatus.UNKNOWN, cause=cause)


def _released_already(outcome: Outcome[ByName, AttributeEcho]) -> Outcome[ByName, AttributeEcho]:
    """Count what a repeated request finds not ours any more as released, which is what was wanted."""
    if outcome.error_code != _NOT_OURS:
        return outcome
    return Outcome(outcome.index, outcome.item, OutcomeStatus.SUCCEEDED, value=AttributeEcho(name=outcome.item.name))


def _reply(success_objects: bool) -> type[Reply[Any]]:
    return Reply[Attribute] if success_objects else Reply[AttributeEcho]
