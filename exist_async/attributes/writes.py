"""The write operations for attributes: create, acquire and release."""

from typing import Any, Final

import attrs

from exist_async.attributes import requests
from exist_async.attributes.models import Attribute, AttributeEcho
from exist_async.attributes.requests import Acquirable, ByName, Creatable
from exist_async.batch.matching import Reply
from exist_async.batch.operation import WriteOperation
from exist_async.errors import OutcomeUnknownError
from exist_async.outcomes import Outcome, OutcomeStatus
from exist_async.resource import ROOT

EXISTS: Final = "exists"
"""The likeliest error code of Exist for creating an attribute that the user already has; it documents none."""

NOT_OWNED: Final = "unauthorised"
"""Exist's error code for an attribute that this service does not own."""

_WHOLE_ATTRIBUTES = "success_objects=true"


def _after_repeated_creation(outcome: Outcome[Creatable, Any]) -> Outcome[Creatable, Any]:
    """Return "unknown", whatever the error code: either the first attempt created it, or it was never possible."""
    cause = OutcomeUnknownError(
        "An earlier attempt may have created it. Doing it again is harmless: ensure() looks it up.",
        repeatable=True,
        repeat_refused=True,
    )
    return attrs.evolve(outcome, status=OutcomeStatus.UNKNOWN, cause=cause)


def _after_repeated_release(outcome: Outcome[ByName, AttributeEcho]) -> Outcome[ByName, AttributeEcho]:
    """Return "succeeded" for an attribute that is no longer owned: the first attempt released it."""
    if outcome.error_code != NOT_OWNED:
        return outcome
    return Outcome(outcome.index, outcome.item, OutcomeStatus.SUCCEEDED, value=AttributeEcho(name=outcome.item.name))


# All three are repeatable: a second creation or release is refused, and acquiring an owned attribute changes nothing.

CREATE: Final = WriteOperation[Creatable, Any](
    kind="create",
    path=f"{ROOT}attributes/create/",
    query=_WHOLE_ATTRIBUTES,
    repeatable=True,
    reply=Reply[Attribute],
    to_request=requests.to_creatable,
    match_key=requests.match_key,
    match_keys_of=requests.match_keys_of,
    conflict_key=requests.conflict_key,
    on_repeat_refusal=_after_repeated_creation,
)
ACQUIRE: Final = WriteOperation[Acquirable, Any](
    kind="acquire",
    path=f"{ROOT}attributes/acquire/",
    query=_WHOLE_ATTRIBUTES,
    repeatable=True,
    reply=Reply[Attribute],
    to_request=requests.to_acquirable,
    match_key=requests.match_key,
    match_keys_of=requests.match_keys_of,
    conflict_key=requests.conflict_key,
)
RELEASE: Final = WriteOperation[ByName, AttributeEcho](
    kind="release",
    path=f"{ROOT}attributes/release/",
    repeatable=True,
    reply=Reply[AttributeEcho],
    to_request=requests.to_releasable,
    match_key=requests.match_key,
    match_keys_of=requests.match_keys_of,
    conflict_key=requests.conflict_key,
    on_repeat_refusal=_after_repeated_release,
)
