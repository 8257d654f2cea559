"""Keeps what an attribute had, day by day."""

from collections.abc import Mapping
from datetime import date

import attrs

from exist_async.sandbox.values import Value

__all__ = ["History"]


def _no_days() -> dict[date, Value]:
    return {}


@attrs.define(eq=False)
class History:
    """The values of one attribute; a day that has one never loses it.

    Attributes:
        by_day: The values of the days that have one, in any order.
        first: The earliest of these days, or None.
        last: The latest of these days, or None.
    """

    by_day: dict[date, Value] = attrs.field(init=False, factory=_no_days)
    first: date | None = attrs.field(init=False, default=None)
    last: date | None = attrs.field(init=False, default=None)

    def record(self, values: Mapping[date, Value]) -> None:
        """Set the values of some days."""
        if not values:
            return
        self.by_day.update(values)
        # Kept, because looking for them among all days would cost each page of a listing a thousand times as much.
        self.first = min(values) if self.first is None else min(self.first, *values)
        self.last = max(values) if self.last is None else max(self.last, *values)
