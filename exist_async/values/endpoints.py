"""The resource `exist.values`: reads and writes values."""

import datetime as dt
from collections.abc import Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, overload

from attrs import evolve

from exist_async._checks import check_flag, check_int, check_text
from exist_async.batch.items import Items
from exist_async.batch.journal import WriteJournal
from exist_async.batch.operation import OnOutcome, WriteOperation
from exist_async.batch.writes import write, write_and_count
from exist_async.outcomes import BatchResult, WriteSummary
from exist_async.paging import LARGEST_PAGE, NumberedPaginator, PageBody, Paginator
from exist_async.resource import Resource, encode_filters
from exist_async.values import requests, writes
from exist_async.values.models import AttributeWithValues, DayValue, ValueEcho
from exist_async.values.requests import MOST_DAYS, VALUES, WITH_VALUES, ValueIncrement, ValueUpdate
from exist_async.values.writes import V

if TYPE_CHECKING:
    from exist_async.values.history import History
    from exist_async.values.sync import Comparison


class Values(Resource):
    """The values of the user's attributes, one a day.

    A service must own an attribute to write values of it: see `exist.attributes.ensure()`.

    `update`, `sync` and `increment` send their items concurrently, up to 35 in a request. They call `on_outcome` with
    each outcome as requests end, and return one outcome for each item, in the order given. A wrong item raises
    ConfigurationError, before anything is sent if the items are a sequence. A write waits for an earlier one of the
    same attribute and day that goes on because its caller was cancelled. If items were not answered, the
    ExistAsyncError that is raised has all outcomes in its `result`.
    """

    __slots__ = ()

    def of(self, name: str, *, date_max: dt.date | None = None, page_size: int = LARGEST_PAGE) -> Paginator[DayValue]:
        """List the values of one attribute, newest first. A day without a value may be None, or missing.

        Args:
            name: Name of the attribute. If it is inactive, or the user does not have it, reading the listing raises
                NotFoundError. Acquiring an inactive attribute makes its values readable again.
            date_max: The newest day to list.
            page_size: Number of results to request in a page, 1 to 100.
        """
        check_text("name", name)
        params = {"attribute": name, **encode_filters(days={"date_max": date_max})}
        advice = f"The attribute {name!r} is inactive or not there: acquire it again, which brings its values back."
        body, key = PageBody[DayValue], attrgetter("date")
        return NumberedPaginator(self._session, VALUES, params, body, page_size, key=key, not_found=advice)

    def recent(
        self,
        days: int = 1,
        date_max: dt.date | None = None,
        *,
        groups: Iterable[str] | None = None,
        attributes: Iterable[str] | None = None,
        templates: Iterable[str] | None = None,
        manual: bool | None = None,
        page_size: int = LARGEST_PAGE,
    ) -> Paginator[AttributeWithValues]:
        """List the user's attributes with their values of the last days.

        Inactive attributes are omitted. Those of priority 10 and more are included, unlike in `exist.attributes.list`.
        On the day on which an attribute was created or acquired, it can have a value that nobody wrote: 0, or None.

        Args:
            days: Number of days, 1 to 31.
            date_max: The last of these days; None is today in the user's time zone.
            groups: Only attributes in these groups.
            attributes: Only those with these names.
            templates: Only those of these templates.
            manual: True for only those entered by hand, False for only the others.
            page_size: Number of results to request in a page, 1 to 100.
        """
        check_int("days", days, least=1, most=MOST_DAYS)
        lists = {"groups": groups, "attributes": attributes, "templates": templates}
        params = encode_filters(lists=lists, days={"date_max": date_max}, manual=manual)
        params["days"] = str(days)
        body, key = PageBody[AttributeWithValues], attrgetter("name")
        return NumberedPaginator(self._session, WITH_VALUES, params, body, page_size, key=key)

    def history(
        self,
        start: dt.date,
        end: dt.date,
        *,
        attributes: Iterable[str] | None = None,
        groups: Iterable[str] | None = None,
    ) -> "History":
        """Read every value from one day to another, in the fewest requests.

        Iterate over it with `async for`: it yields pairs of an attribute's name and a `DayValue`, the newest of each
        attribute first, as replies arrive. Days without a value are omitted. Its `table()` returns them as a table for
        pandas, polars, DuckDB and others.

        Exist gives no values of attributes that are inactive or not owned by any service. They are skipped, with a
        warning in the log; `inaccessible` of the history has their names after an iteration. Acquire them, and their
        values can be read again.

        Args:
            start: The first day.
            end: The last day, included.
            attributes: Names of attributes. None is all active ones. Names of attributes that the user does not have
                are skipped in the same way.
            groups: Only attributes in these groups. Named attributes that Exist does not list are then omitted.

        Raises:
            ConfigurationError: A day is not a date, `end` is before `start`, or a list is a bare string or empty.
        """
        from exist_async.values.history import History

        return History(self._session, start, end, attributes=attributes, groups=groups)

    @overload
    async def update(
        self,
        items: Items[ValueUpdate],
        *,
        reacquire: bool = False,
        on_outcome: OnOutcome[ValueUpdate, ValueEcho] = None,
        journal: WriteJournal | None = None,
        keep_outcomes: Literal[True] = True,
    ) -> BatchResult[ValueUpdate, ValueEcho]: ...
    @overload
    async def update(
        self,
        items: Items[ValueUpdate],
        *,
        reacquire: bool = False,
        on_outcome: OnOutcome[ValueUpdate, ValueEcho] = None,
        journal: WriteJournal | None = None,
        keep_outcomes: Literal[False],
    ) -> WriteSummary[ValueUpdate, ValueEcho]: ...
    @overload
    async def update(
        self,
        items: Items[ValueUpdate],
        *,
        reacquire: bool = False,
        on_outcome: OnOutcome[ValueUpdate, ValueEcho] = None,
        journal: WriteJournal | None = None,
        keep_outcomes: bool,
    ) -> BatchResult[ValueUpdate, ValueEcho] | WriteSummary[ValueUpdate, ValueEcho]: ...
    async def update(
        self,
        items: Items[ValueUpdate],
        *,
        reacquire: bool = False,
        on_outcome: OnOutcome[ValueUpdate, ValueEcho] = None,
        journal: WriteJournal | None = None,
        keep_outcomes: bool = True,
    ) -> BatchResult[ValueUpdate, ValueEcho] | WriteSummary[ValueUpdate, ValueEcho]:
        """Write values, which replace the values of their days: "" erases a text. Doing it again is harmless.

        Of several items for the same attribute and day, only the last is sent. When it has succeeded, the others are
        `superseded`. If it is refused as `validation`, the one before it is sent, and so on; after any other refusal,
        the earlier items are refused like it. If it is `unknown` or `not_sent`, they are `not_sent`.

        Args:
            items: Any number. A sequence is treated as a whole, a stream in blocks of up to 10,000 items; a block of an
                async stream ends when no item comes for 50 ms. A later block is written later. The items of a stream
                before a wrong one are sent. A plain iterator has to fill its block first: make a slow source async.
            reacquire: Whether to acquire, once, attributes whose values are refused as `unauthorised` or `not_found`,
                and to send these values again. In the first case, the attribute is taken from the service that owns it
                now; in the second, it is created if there is a template with its name. If it can't be acquired, its
                values stay refused, with the reason in `error`; if acquiring it was not answered, they are `not_sent`.
            on_outcome: Called with each outcome.
            journal: A `Journal`, with which the same call goes on where an earlier one stopped.
            keep_outcomes: False returns a `WriteSummary`, so that a stream of any length needs little memory. An error
                then has a `summary` in place of a `result`.
        """
        return await self._write(writes.UPDATE, items, reacquire, on_outcome, journal, keep_outcomes)

    async def compare(self, rows: Items[ValueUpdate]) -> "Comparison":
        """Compare values with those that Exist has, as `sync()` does, without writing any. It sends reads at most.

        Args:
            rows: Any number. A sequence is planned as a whole, a stream in blocks of 10,000.
        """
        from exist_async.values.sync import compare

        return await compare(self._session, rows)

    @overload
    async def sync(
        self,
        rows: Items[ValueUpdate],
        *,
        reacquire: bool = False,
        on_outcome: OnOutcome[ValueUpdate, ValueEcho] = None,
        journal: WriteJournal | None = None,
        keep_outcomes: Literal[True] = True,
    ) -> BatchResult[ValueUpdate, ValueEcho]: ...
    @overload
    async def sync(
        self,
        rows: Items[ValueUpdate],
        *,
        reacquire: bool = False,
        on_outcome: OnOutcome[ValueUpdate, ValueEcho] = None,
        journal: WriteJournal | None = None,
        keep_outcomes: Literal[False],
    ) -> WriteSummary[ValueUpdate, ValueEcho]: ...
    @overload
    async def sync(
        self,
        rows: Items[ValueUpdate],
        *,
        reacquire: bool = False,
        on_outcome: OnOutcome[ValueUpdate, ValueEcho] = None,
        journal: WriteJournal | None = None,
        keep_outcomes: bool,
    ) -> BatchResult[ValueUpdate, ValueEcho] | WriteSummary[ValueUpdate, ValueEcho]: ...
    async def sync(
        self,
        rows: Items[ValueUpdate],
        *,
        reacquire: bool = False,
        on_outcome: OnOutcome[ValueUpdate, ValueEcho] = None,
        journal: WriteJournal | None = None,
        keep_outcomes: bool = True,
    ) -> BatchResult[ValueUpdate, ValueEcho] | WriteSummary[ValueUpdate, ValueEcho]:
        """Write values as `update()` does, but only those that differ from what Exist has: the others are `unchanged`.

        It reads first, up to 100 attributes and 31 days in a request, in at most a quarter of the requests that writing
        all values takes. So a call takes at most a quarter more requests than `update()`, and fewer than 106 values are
        written without reading. So are values that can't be read, such as those of inactive attributes, and those
        whose request fails. A 401, a 403 or a spent budget ends the call: the items that were not sent are `not_sent`.

        Numbers are compared exactly: 7 equals 7.0, and 1 equals True. A decimal that Exist rounds when it stores it
        differs, and is written each time: round it before. Texts are compared to the letter. A day without a value
        differs from every value.

        Args:
            rows: Any number. A sequence is planned as a whole, a stream in blocks, as in `update()`.
            reacquire: As for `update()`. Attributes whose values are unchanged are not acquired.
            on_outcome: Called with each outcome.
            journal: As for `update()`. It may read again what it read before.
            keep_outcomes: As for `update()`.
        """
        from exist_async.values.sync import Comparer

        session = self._session.with_deadline()
        operation = evolve(writes.UPDATE, kind="sync", find_unchanged=Comparer(session).find_unchanged)
        return await Values(session)._write(operation, rows, reacquire, on_outcome, journal, keep_outcomes)

    @overload
    async def increment(
        self,
        items: Items[ValueIncrement],
        *,
        reacquire: bool = False,
        on_outcome: OnOutcome[ValueIncrement, ValueEcho] = None,
        journal: WriteJournal | None = None,
        keep_outcomes: Literal[True] = True,
    ) -> BatchResult[ValueIncrement, ValueEcho]: ...
    @overload
    async def increment(
        self,
        items: Items[ValueIncrement],
        *,
        reacquire: bool = False,
        on_outcome: OnOutcome[ValueIncrement, ValueEcho] = None,
        journal: WriteJournal | None = None,
        keep_outcomes: Literal[False],
    ) -> WriteSummary[ValueIncrement, ValueEcho]: ...
    @overload
    async def increment(
        self,
        items: Items[ValueIncrement],
        *,
        reacquire: bool = False,
        on_outcome: OnOutcome[ValueIncrement, ValueEcho] = None,
        journal: WriteJournal | None = None,
        keep_outcomes: bool,
    ) -> BatchResult[ValueIncrement, ValueEcho] | WriteSummary[ValueIncrement, ValueEcho]: ...
    async def increment(
        self,
        items: Items[ValueIncrement],
        *,
        reacquire: bool = False,
        on_outcome: OnOutcome[ValueIncrement, ValueEcho] = None,
        journal: WriteJournal | None = None,
        keep_outcomes: bool = True,
    ) -> BatchResult[ValueIncrement, ValueEcho] | WriteSummary[ValueIncrement, ValueEcho]:
        """Add to values that are numbers, durations or percentages; Exist refuses other types.

        Doing it again adds again, so a request without an answer is never repeated: its items are `unknown`. The
        attribute's new value is in `value.current` of the outcome. Several items for one day are sent and added each.

        Args:
            items: Any number. Those without a date are added to the user's current day when Exist gets them.
            reacquire: As for `update()`. A refused increment was not added, so sending it again is harmless.
            on_outcome: Called with each outcome.
            journal: As for `update()`. Each item must have a date then. Items that were being sent when a program
                ended are `unknown`, and are not sent again.
            keep_outcomes: As for `update()`.
        """
        operation = writes.INCREMENT
        if journal is not None:
            operation = evolve(operation, to_request=requests.to_dated_increment)
        return await self._write(operation, items, reacquire, on_outcome, journal, keep_outcomes)

    async def _write(
        self,
        operation: WriteOperation[V, ValueEcho],
        items: Items[V],
        reacquire: bool,
        on_outcome: OnOutcome[V, ValueEcho],
        journal: WriteJournal | None,
        keep_outcomes: bool,
    ) -> BatchResult[V, ValueEcho] | WriteSummary[V, ValueEcho]:
        check_flag("reacquire", reacquire)
        check_flag("keep_outcomes", keep_outcomes)
        session = self._session.with_deadline()
        if reacquire:
            operation = evolve(operation, on_refused=writes.Reacquisition[V](session))
        if keep_outcomes:
            return await write(session, operation, items, on_outcome, journal)
        return await write_and_count(session, operation, items, on_outcome, journal)
