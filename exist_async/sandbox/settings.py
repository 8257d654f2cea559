"""Settings of the Exist sandbox, among them the variants where Exist's behaviour is not certain."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

import attrs

__all__ = ["AveragesKey", "MissingDays", "Settings"]

MissingDays = Literal["null", "absent"]
"""Whether days without a value are null, as documented, or absent, as in replies of the live service."""

AveragesKey = Literal["user_attribute", "attribute"]
"""The key of the attribute's name in averages; both are documented."""


@attrs.define
class Settings:
    """Settings that the endpoints read on each request; every field may be set at any time.

    Attributes:
        page_size: Default number of results on a page.
        now: Returns the current time.
        missing_days: Whether days without a value are listed as null or left out.
        averages_key: The key of the attribute's name in averages.
        token_lifetime: Seconds until new access tokens expire.
        passes_state: Whether `state` is passed through authorisation.
    """

    page_size: int
    now: Callable[[], datetime]
    missing_days: MissingDays = "null"
    averages_key: AveragesKey = "user_attribute"
    token_lifetime: int = 31_536_000
    passes_state: bool = True
