"""Where values are listed, and of how many days at once."""

from typing import Final

from exist_async.resource import ROOT

WITH_VALUES: Final = f"{ROOT}attributes/with-values/"
"""Attributes with their values of some days."""

VALUES: Final = f"{ROOT}attributes/values/"
"""The values of one attribute."""

MOST_DAYS: Final = 31
"""The most days that Exist lists with attributes."""
