"""Gives whoever reads or writes JSON the one converter of this package."""

from functools import cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from exist_async._http.json_converter import JsonConverter

ANYTHING = cast("type[Any]", Any)
"""The model of a reply that has none: what JSON makes of it."""


@cache
def converter() -> "JsonConverter":
    """Return the converter, which is made at its first use: importing cattrs takes as long as most of this package."""
    from exist_async._http.json_converter import JsonConverter

    return JsonConverter()
