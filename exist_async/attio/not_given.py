"""Tells a field that was not given from one that was given as None."""

from enum import Enum
from typing import Final


class NotGiven(Enum):
    """The class of `NOT_GIVEN`, for annotations."""

    NOT_GIVEN = "not given"

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __bool__(self) -> bool:
        return False


NOT_GIVEN: Final = NotGiven.NOT_GIVEN
"""What an argument is that was not given: it is not sent, and the field stays as it is. None is sent as null."""
