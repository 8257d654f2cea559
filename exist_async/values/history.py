"""Reads every value between two days, in the fewest requests."""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from exist_async._checks import check_day, check_names
from exist_async._http.session import Session
from exist_async.errors import ConfigurationError
from exist_async.resource import encode_filters
from exist_async.values.models import DayValue
from exist_async.values.plans import Plan, Span, make_plan
from exist_async.values.reading import Reading

_AT_ONCE = 100


class History:
    """Every value between two days: iterate over it with `async for`, as often as you like.

    It gives pairs of an attribute's name and a `DayValue`, for each attribute the newest first, as the answers come.
    Requests run ahead of the reader by a few pages, and no more is kept. Breaking out of it stops them. Days without a
    value are left out.
    """

    def __init__(
        self,
        session: Session,
        start: dt.date,
        end: dt.date,
        *,
        attributes: Iterable[str] | None,
        groups: Iterable[str] | None,
    ) -> None:
        check_day("start", start)
        check_day("end", end)
        if end < start:
            raise ConfigurationError(f"end {end} lies before start {start}: there is no day between them")
        self._session = session
        self._span = Span(start, end)
        self._names = None if attributes is None else list(dict.fromkeys(check_names("attributes", attributes)))
        self._filters = encode_filters(lists={"groups": groups})
        self._plan: Plan | None = None

    def __repr__(self) -> str:
        return f"<History from {self._span.start} to {self._span.end}>"

    async def plan(self) -> int:
        """Return how many requests reading it takes; there are fewer where attributes have few values.

        Unless a few attributes are named, Exist has to be asked first how many there are. What that brings is used by
        the next iteration, and counted here, so begin soon. Attributes that are hidden, or come and go meanwhile, cost
        more.
        """
        if self._plan is None:
            self._plan = await self._make_plan()
        return self._plan.requests

    async def __aiter__(self) -> AsyncGenerator[tuple[str, DayValue], None]:
        """Give the values as they come."""
        plan, self._plan = self._plan or await self._make_plan(), None
        async with aclosing(Reading(self._session, self._span, self._filters, plan).values()) as reading:
            given = 0
            async for values in reading:
                for value in values:
                    yield value
                    given += 1
                    if given % _AT_ONCE == 0:
                        # A page holds thousands, and whoever does something with each must not hold up all others.
                        await asyncio.sleep(0)

    async def _make_plan(self) -> Plan:
        return await make_plan(self._session.begin(), self._span, self._names, self._filters)
