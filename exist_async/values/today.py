"""Fills in the days that increments leave out."""

import datetime as dt
import time
from collections.abc import Sequence

import attrs

from exist_async._http.session import Session
from exist_async.errors import NoAnswerError
from exist_async.profile import Profile
from exist_async.values.requests import ValueIncrement


class Today:
    """Gives increments without a day the one that it is where the user is, whose time it asks for once.

    Exist takes them without, too, and does not say whose today it means then.
    """

    def __init__(self, session: Session) -> None:
        self._profile = Profile(session)
        self._then: dt.datetime | None = None
        self._asked_at = 0.0

    async def __call__(self, items: Sequence[ValueIncrement]) -> Sequence[ValueIncrement]:
        """Return the items, each with a day."""
        if all(item.date is not None for item in items):
            return items
        today = await self._today()
        return [item if item.date is not None else attrs.evolve(item, date=today) for item in items]

    async def _today(self) -> dt.date:
        if self._then is None:
            self._then = await self._profile.now()
            self._asked_at = time.monotonic()
        # A stream can go on over midnight.
        try:
            return (self._then + dt.timedelta(seconds=time.monotonic() - self._asked_at)).date()
        except OverflowError as error:
            raise NoAnswerError(f"The user's local time is {self._then}, after which there is no other.") from error
