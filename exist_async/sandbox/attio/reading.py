"""The endpoints that read attributes, options and statuses."""

from collections.abc import Iterable
from typing import Final

from exist_async.sandbox.attio.calls import Call
from exist_async.sandbox.attio.options import Option, Status

__all__ = ["MAX_PAGE_SIZE", "get_attribute", "list_attributes", "list_options", "list_statuses"]

MAX_PAGE_SIZE: Final = 500
"""Maximum number of attributes on a page; Attio documents neither its maximum nor its default."""

_DEFAULT_PAGE_SIZE: Final = 50


def list_attributes(call: Call) -> object:
    """Answer `GET …/attributes`: a page of attributes; archived ones only with `show_archived`."""
    maximum = MAX_PAGE_SIZE if call.page_size is None else call.page_size
    limit = min(call.integer_parameter("limit", _DEFAULT_PAGE_SIZE, 1), maximum)
    offset = call.integer_parameter("offset", 0, 0)
    show_archived = call.boolean_parameter("show_archived")
    attributes = [
        attribute
        for attribute in call.workspace.attributes(call.object_or_list())
        if show_archived or not attribute.is_archived
    ]
    return [attribute.to_json() for attribute in attributes[offset : offset + limit]]


def get_attribute(call: Call) -> object:
    """Answer `GET …/attributes/{attribute}`, for archived attributes as well."""
    return call.attribute().to_json()


def list_options(call: Call) -> object:
    """Answer `GET …/options`: all options; none for an attribute of another type."""
    return _list_on_one_page(call, call.attribute().options)


def list_statuses(call: Call) -> object:
    """Answer `GET …/statuses`: all statuses; none for an attribute of another type."""
    return _list_on_one_page(call, call.attribute().statuses)


def _list_on_one_page(call: Call, options: Iterable[Option | Status]) -> object:
    show_archived = call.boolean_parameter("show_archived")
    attribute_id = call.attribute().full_id
    return [option.to_json(attribute_id) for option in options if show_archived or not option.is_archived]
