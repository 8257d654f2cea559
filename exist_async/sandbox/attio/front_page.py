"""The front page of the Attio sandbox at `/`: how to connect, objects and lists with their attributes, and requests."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, get_args

import attrs
from starlette.requests import Request

from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.options import Option, Status
from exist_async.sandbox.attio.targets import ObjectOrList, Target
from exist_async.sandbox.attio.workspace import Workspace
from exist_async.sandbox.html_pages import html_reply
from exist_async.sandbox.recorder import Recorder
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.request_rows import read_request_log

__all__ = ["show_front_page"]

# A page of more would take seconds to make, and nobody reads it.
_TABLES_SHOWN: Final = 200
_ATTRIBUTES_SHOWN: Final = 1_000
_CHOICES_SHOWN: Final = 20


@attrs.frozen
class _AttributeRow:
    """An attribute as a row of text.

    Attributes:
        properties: Its flags and its default value in words.
        choices: The titles of its options or statuses.
    """

    title: str
    api_slug: str
    type: str
    is_archived: bool
    properties: str
    choices: str


@attrs.frozen
class _Table:
    """An object or a list, with rows for its attributes.

    Attributes:
        id: Anchor on the page.
        count: Number of its attributes, also of those without a row.
    """

    id: str
    slug: str
    count: int
    rows: Sequence[_AttributeRow]


@attrs.frozen
class _Part:
    """All objects, or all lists."""

    target: Target
    tables: Sequence[_Table]


def show_front_page(request: Request, workspace: Workspace, recorder: Recorder, now: datetime) -> Reply:
    """Answer `/`, without secrets."""
    everything = workspace.objects_and_lists
    shown: dict[ObjectOrList, Sequence[Attribute]] = {}
    room = _ATTRIBUTES_SHOWN
    for parent in everything[:_TABLES_SHOWN]:
        shown[parent] = workspace.attributes(parent)[:room]
        room -= len(shown[parent])
    targets: tuple[Target, ...] = get_args(Target)
    return html_reply(
        "attio_front_page.html",
        url=str(request.base_url).rstrip("/"),
        parts=[_Part(target, _tables(target, shown, workspace)) for target in targets],
        tables_shown=len(shown),
        tables_in_all=len(everything),
        attributes_shown=_ATTRIBUTES_SHOWN - room,
        attributes_in_all=sum(len(workspace.attributes(parent)) for parent in everything),
        log=read_request_log(recorder, now),
    )


def _tables(
    target: Target, shown: Mapping[ObjectOrList, Sequence[Attribute]], workspace: Workspace
) -> Sequence[_Table]:
    return [
        _Table(parent.id, parent.slug, len(workspace.attributes(parent)), [_to_row(attribute) for attribute in rows])
        for parent, rows in shown.items()
        if parent.target == target
    ]


def _to_row(attribute: Attribute) -> _AttributeRow:
    return _AttributeRow(
        title=attribute.title,
        api_slug=attribute.api_slug,
        type=attribute.type,
        is_archived=attribute.is_archived,
        properties=", ".join(_properties(attribute)),
        choices=", ".join([*_titles(attribute.options), *_titles(attribute.statuses)]),
    )


def _titles(choices: Sequence[Option] | Sequence[Status]) -> list[str]:
    shown = choices[:_CHOICES_SHOWN]
    return [f"{choice.title} (archived)" if choice.is_archived else choice.title for choice in shown]


def _properties(attribute: Attribute) -> Iterator[str]:
    properties = {
        "system": attribute.is_system_attribute,
        "read-only": not attribute.is_writable,
        "required": attribute.is_required,
        "unique": attribute.is_unique,
        "several values": attribute.is_multiselect,
        "has a default": attribute.default_value is not None,
    }
    yield from (name for name, applies in properties.items() if applies)
    if attribute.default_currency_code:
        yield attribute.default_currency_code
