"""Reads every value from one day to another, in the fewest requests."""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from exist_async._checks import check_day, check_names
from exist_async._http.session import Session
from exist_async.errors import ConfigurationError
from exist_async.resource import encode_filters
from exist_async.tables import Table
from exist_async.tables.columns import Columns
from exist_async.tables.making import check_table, make_table, read_value_types
from exist_async.values.history_plan import Plan, Span, make_plan
from exist_async.values.history_reader import HistoryPage, HistoryReader
from exist_async.values.kept_pages import PageSource, PageStore
from exist_async.values.models import DayValue

# A page has thousands of values: the reader yields to the event loop after so many of them.
_VALUES_BETWEEN_YIELDS = 100


class History:
    """Every value from one day to another: iterate over it with `async for`, as often as you like.

    `Values.history` describes the values. A few pages are requested ahead of the reader; leaving the loop stops that.
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
            raise ConfigurationError(f"end {end} is before start {start}: there is no day between them")
        self._session = session
        self._span = Span(start, end)
        self._names = None if attributes is None else list(dict.fromkeys(check_names("attributes", attributes)))
        self._filters = encode_filters(lists={"groups": groups})
        self._store: PageStore | None = None
        self._plan: Plan | None = None
        self._inaccessible: dict[str, None] = {}

    def __repr__(self) -> str:
        return f"<History from {self._span.start} to {self._span.end}>"

    @property
    def inaccessible(self) -> tuple[str, ...]:
        """The attributes that the last iteration could not read, because they are inactive, not owned, or not there.

        To read their values, acquire them. Inactive attributes that were not named are not among them.
        """
        return tuple(self._inaccessible)

    def keep_pages(self, store: PageStore) -> None:
        """Keep each page in a store from now on, and take the pages that it has from there, without a request.

        After an interruption, a history of the same days, attributes and groups with the same store goes on where the
        first one stopped, and yields all values. The values are those of the time when their pages were requested: use
        a new store to read them again.

        Args:
            store: Keeps the pages. It must not be used for another user.
        """
        self._store, self._plan = store, None

    async def plan(self) -> int:
        """Return the number of requests that reading it takes; fewer are needed if attributes have few values.

        Unless only a few attributes are named, this requests the first pages of the listing of attributes. They are
        counted here, and the next iteration uses them, so start it soon. Attributes that appear or disappear in the
        meantime take more requests.
        """
        if self._plan is None:
            self._plan = await self._make_plan()
        return self._plan.requests

    async def table(self, *, wide: bool = False) -> Table:
        """Read all values, and return them as a table for pandas, polars, DuckDB and others: see `Table`.

        Args:
            wide: Whether the table has a row for each day and a column for each attribute, instead of a row for each
                value. The attributes' types are requested first, 100 in a request. Attributes that were named have a
                column even if they have no value.

        Raises:
            ConfigurationError: The package arro3-core is not installed.
        """
        check_table(wide, owner="History.table()")
        # First: if the budget does not suffice, nothing has been read in vain.
        value_types = await read_value_types(self._session, self._names, self._filters) if wide else None
        columns = Columns(self._names)
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                columns.add(page.values)
                await asyncio.sleep(0)
        return await make_table(columns, value_types)

    async def __aiter__(self) -> AsyncGenerator[tuple[str, DayValue], None]:
        async with aclosing(self.pages()) as pages:
            count = 0
            async for page in pages:
                for value in page.values:
                    yield value
                    count += 1
                    if count % _VALUES_BETWEEN_YIELDS == 0:
                        await asyncio.sleep(0)

    async def pages(self, *, ahead: int | None = None) -> AsyncGenerator[HistoryPage, None]:
        """Yield the same values page by page, with the attributes and days that have been read completely.

        Close the generator when leaving it early.

        Args:
            ahead: The most pages that are requested ahead of the reader, and lost if the program ends. None is twice
                the client's `concurrency`.
        """
        plan, self._plan = self._plan or await self._make_plan(), None
        reader = HistoryReader(self._session, self._span, self._filters, plan, ahead)
        self._inaccessible = reader.inaccessible
        async with aclosing(reader.pages()) as pages:
            async for page in pages:
                yield page

    async def _make_plan(self) -> Plan:
        return await make_plan(
            self._session.with_deadline(), PageSource(self._store), self._span, self._names, self._filters
        )
