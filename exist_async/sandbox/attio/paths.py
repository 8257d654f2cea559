"""Parses the paths of the attribute endpoints."""

from typing import Final
from urllib.parse import unquote

import attrs

from exist_async.sandbox.attio.targets import Target

__all__ = ["ATTRIBUTE", "ATTRIBUTES", "OPTIONS", "STATUSES", "AttributePath", "parse_path"]

ATTRIBUTES: Final = "attributes"
ATTRIBUTE: Final = "attributes/{attribute}"
OPTIONS: Final = "attributes/{attribute}/options"
STATUSES: Final = "attributes/{attribute}/statuses"


@attrs.frozen
class AttributePath:
    """A parsed path.

    Attributes:
        route: One of the four routes below an object or list.
        target: "objects" or "lists".
        identifier: UUID or slug of the object or list.
        attribute: UUID or slug of the attribute; empty when the route has none.
    """

    route: str
    target: Target
    identifier: str
    attribute: str = ""


def parse_path(path: str) -> AttributePath | None:
    """Parse a raw path; return None when no route matches."""
    # Split before decoding, because an encoded slash is part of a slug.
    match path.split("/"):
        case ["", "v2", ("objects" | "lists") as target, identifier, "attributes"]:
            return AttributePath(ATTRIBUTES, target, unquote(identifier))
        case ["", "v2", ("objects" | "lists") as target, identifier, "attributes", attribute]:
            return AttributePath(ATTRIBUTE, target, unquote(identifier), unquote(attribute))
        case ["", "v2", ("objects" | "lists") as target, identifier, "attributes", attribute, "options"]:
            return AttributePath(OPTIONS, target, unquote(identifier), unquote(attribute))
        case ["", "v2", ("objects" | "lists") as target, identifier, "attributes", attribute, "statuses"]:
            return AttributePath(STATUSES, target, unquote(identifier), unquote(attribute))
        case _:
            return None
