"""How attributes are created, acquired and released."""

from typing import Any

from exist_async._http.call import encode_query
from exist_async.attributes import requests
from exist_async.attributes.models import Attribute, AttributeEcho
from exist_async.attributes.requests import Acquirable, ByName, Creatable
from exist_async.batch.endpoint import Endpoint
from exist_async.batch.replies import Reply
from exist_async.resource import ROOT, encode_filters


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
    )


def _reply(success_objects: bool) -> type[Reply[Any]]:
    return Reply[Attribute] if success_objects else Reply[AttributeEcho]
