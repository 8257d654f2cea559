"""A place: what a path names, each of its segments decoded by itself."""

from typing import Final
from urllib.parse import unquote

import attrs

from exist_async.sandbox.attio.holders import Target

__all__ = ["ALL", "ONE", "OPTIONS", "STATUSES", "Place", "place_of"]

ALL: Final = "attributes"
ONE: Final = "attributes/{attribute}"
OPTIONS: Final = "attributes/{attribute}/options"
STATUSES: Final = "attributes/{attribute}/statuses"


@attrs.frozen
class Place:
    """Where a request goes.

    Attributes:
        route: Which of the four paths below an object or a list it is.
        identifier: A UUID or slug of an object or a list.
        attribute: A UUID or slug of an attribute; empty when the path names none.
    """

    route: str
    target: Target
    identifier: str
    attribute: str = ""


def place_of(path: str) -> Place | None:
    """Return what a path names, as it was sent, or None when there is nothing there."""
    # Split before it is decoded: an encoded slash is part of a slug.
    match path.split("/"):
        case ["", "v2", ("objects" | "lists") as target, identifier, "attributes"]:
            return Place(ALL, target, unquote(identifier))
        case ["", "v2", ("objects" | "lists") as target, identifier, "attributes", attribute]:
            return Place(ONE, target, unquote(identifier), unquote(attribute))
        case ["", "v2", ("objects" | "lists") as target, identifier, "attributes", attribute, "options"]:
            return Place(OPTIONS, target, unquote(identifier), unquote(attribute))
        case ["", "v2", ("objects" | "lists") as target, identifier, "attributes", attribute, "statuses"]:
            return Place(STATUSES, target, unquote(identifier), unquote(attribute))
        case _:
            return None
