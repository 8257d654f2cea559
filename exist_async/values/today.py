"""Fills in the days that increments leave out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from exist_async._http.session import Session
from exist_async.profile import Profile
from exist_async.values.requests import ValueIncrement

if TYPE_CHECKING:
    import datetime as dt


class Dating:
    """Gives increments without a day the one that it is where the user is, which it asks for once.

    Exist takes them without, too, and does not say whose today it means then.
    """

    def __init__(self, session: Session) -> None:
        self._profile = Profile(session)
        self._today: dt.date | None = None

    async def __call__(self, items: Sequence[ValueIncrement]) -> Sequence[ValueIncrement]:
        """Return the items, each with a day."""
        if all(item.date is not None for item in items):
            return items
        if self._today is None:
            self._today = await self._profile.today()
        return [item if item.date is not None else attrs.evolve(item, date=self._today) for item in items]
