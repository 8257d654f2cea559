"""Exist's value types and their `value_type_description`."""

from typing import Final

__all__ = [
    "BOOLEAN",
    "CREATABLE",
    "DECIMAL",
    "DURATION",
    "INTEGER",
    "PERCENTAGE",
    "SCALE",
    "STRING",
    "TIME_FROM_MIDDAY",
    "TIME_OF_DAY",
    "describe_value_type",
]

INTEGER: Final = 0
DECIMAL: Final = 1
STRING: Final = 2
DURATION: Final = 3
TIME_OF_DAY: Final = 4
PERCENTAGE: Final = 5
TIME_FROM_MIDDAY: Final = 6
BOOLEAN: Final = 7
SCALE: Final = 8

_DESCRIPTIONS: Final = {
    INTEGER: "Integer",
    DECIMAL: "Float",
    STRING: "String",
    DURATION: "Period (min)",
    TIME_OF_DAY: "Time of day (min from midnight)",
    PERCENTAGE: "Percentage",
    TIME_FROM_MIDDAY: "Time of day (min from midday)",
    BOOLEAN: "Boolean",
    SCALE: "Integer scale (1-9)",
}

# Minutes from midday exist in templates only.
CREATABLE: Final = frozenset(_DESCRIPTIONS) - {TIME_FROM_MIDDAY}


def describe_value_type(value_type: int) -> str:
    """Return the description of a value type; "Unknown" for a number that Exist does not define."""
    return _DESCRIPTIONS.get(value_type, "Unknown")
