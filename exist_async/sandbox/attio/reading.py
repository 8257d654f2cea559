"""Reads attributes, and the options and statuses of one."""

from collections.abc import Iterable
from typing import Final

from exist_async.sandbox.attio.calls import Call
from exist_async.sandbox.attio.choices import Option, Status

__all__ = ["LARGEST_PAGE", "get_attribute", "list_attributes", "list_options", "list_statuses"]

LARGEST_PAGE: Final = 500
"""What a page holds at most; Attio's own limit, like its default, is not documented."""

_PAGE: Final = 50


def list_attributes(call: Call) -> object:
    """Answer `GET …/attributes`: a page of them, archived ones only when they are asked for."""
    largest = LARGEST_PAGE if call.page_size is None else call.page_size
    limit = min(call.number("limit", _PAGE, 1), largest)
    offset = call.number("offset", 0, 0)
    archived = call.flag("show_archived")
    shown = [
        attribute for attribute in call.workspace.attributes(call.holder()) if archived or not attribute.is_archived
    ]
    return [attribute.show() for attribute in shown[offset : offset + limit]]


def get_attribute(call: Call) -> object:
    """Answer `GET …/attributes/{attribute}`: one attribute, archived or not."""
    return call.attribute().show()


def list_options(call: Call) -> object:
    """Answer `GET …/options`: all of them at once; an attribute that is no select has none."""
    return _choices(call, call.attribute().options)


def list_statuses(call: Call) -> object:
    """Answer `GET …/statuses`: all of them at once; an attribute that is no status has none."""
    return _choices(call, call.attribute().statuses)


def _choices(call: Call, choices: Iterable[Option | Status]) -> object:
    archived = call.flag("show_archived")
    identity = call.attribute().identity
    return [choice.show(identity) for choice in choices if archived or not choice.is_archived]
