"""Holds what a listing says of an attribute until it is its turn to be read."""

from typing import Final

import msgspec
from attrs import frozen

_NONE: Final = msgspec.Raw(b"[]")


@frozen
class Column:
    """An attribute of a listing with values, as a history holds it.

    Pages come faster than they are used. As bytes their values take a quarter of the memory, and nothing of the garbage
    collector's time; and to read a few at a time leaves the event loop to others in between.

    Attributes:
        name: Its name.
        values: The JSON of its values.
    """

    name: str
    values: msgspec.Raw = _NONE
