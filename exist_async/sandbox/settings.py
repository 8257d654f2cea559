"""Settings: the clock on the wall, and how this Exist answers where the real one is not of one mind."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

import attrs

__all__ = ["AveragesKey", "MissingDays", "Settings"]

MissingDays = Literal["null", "absent"]
"""What becomes of days without data: they are null, as documented, or left out, as live replies had it."""

AveragesKey = Literal["user_attribute", "attribute"]
"""What an average calls the name of its attribute; both are documented."""


@attrs.define
class Settings:
    """What all endpoints go by; every field may be set at any time."""

    page_size: int
    now: Callable[[], datetime]
    missing_days: MissingDays = "null"
    averages_key: AveragesKey = "user_attribute"
    token_lifetime: int = 31_536_000
    passes_state: bool = True
