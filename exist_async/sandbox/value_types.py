"""Describes Exist's value types in the words of `value_type_description`."""

from typing import Final

__all__ = ["BOOLEAN", "CREATABLE", "describe"]

BOOLEAN: Final = 7

_DESCRIPTIONS: Final = {
    0: "Integer",
    1: "Float",
    2: "String",
    3: "Period (min)",
    4: "Time of day (min from midnight)",
    5: "Percentage",
    6: "Time of day (min from midday)",
    BOOLEAN: "Boolean",
    8: "Scale",
}

# Minutes from midday are reserved for templates.
CREATABLE: Final = frozenset(_DESCRIPTIONS) - {6}


def describe(value_type: int) -> str:
    """Return the description of a value type; one that Exist does not have yet is "Unknown"."""
    return _DESCRIPTIONS.get(value_type, "Unknown")
