"""The resource `exist.values`: reads and writes values."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from attrs import evolve

from exist_async._checks import check_flag, check_int, check_text
from exist_async.batch.items import Items
from exist_async.batch.writes import write
from exist_async.outcomes import BatchResult, Outcome
from exist_async.paging import LARGEST_PAGE, NumberedPaginator, PageBody, Paginator
from exist_async.resource import Resource, encode_filters
from exist_async.values import writes
from exist_async.values.models import AttributeWithValues, DayValue, ValueEcho
from exist_async.values.requests import MOST_DAYS, VALUES, WITH_VALUES, ValueIncrement, ValueUpdate

if TYPE_CHECKING:
    from exist_async.values.history import History


class Values(Resource):
    """The values of the user's attributes, one a day.

    A service must own an attribute before it writes values into it: see `exist.attributes.ensure()`. Writes send their
    items 35 in a request, concurrently, and call `on_outcome` with each outcome as requests end.
    """

    __slots__ = ()

    def of(self, name: str, *, date_max: dt.date | None = None, page_size: int = LARGEST_PAGE) -> Paginator[DayValue]:
        """List the values of one attribute, newest first. A day without a value may be None, or missing.

        Args:
            name: The attribute's name. If the user has no such attribute, reading the listing raises NotFoundError.
            date_max: The newest day to list.
            page_size: Results to ask for in a page, 1 to 100.
        """
        check_text("name", name)
        params = {"attribute": name, **encode_filters(days={"date_max": date_max})}
        return NumberedPaginator(self._session, VALUES, params, PageBody[DayValue], page_size)

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

        Inactive attributes, and those of priority 10 and more, are hidden.

        Args:
            days: How many days, 1 to 31.
            date_max: The last of these days; None is today in the user's time zone.
            groups: Only attributes of these groups.
            attributes: Only those with these names.
            templates: Only those of these templates.
            manual: True for only those entered by hand, False for only the others.
            page_size: Results to ask for in a page, 1 to 100.
        """
        check_int("days", days, least=1, most=MOST_DAYS)
        lists = {"groups": groups, "attributes": attributes, "templates": templates}
        params = encode_filters(lists=lists, days={"date_max": date_max}, manual=manual)
        return NumberedPaginator(
            self._session, WITH_VALUES, {"days": str(days), **params}, PageBody[AttributeWithValues], page_size
        )

    def history(
        self,
        start: dt.date,
        end: dt.date,
        *,
        attributes: Iterable[str] | None = None,
        groups: Iterable[str] | None = None,
    ) -> "History":
        """Read every value between two days, in the fewest requests.

        Iterate over it with `async for`: it yields pairs of an attribute's name and a `DayValue`, the newest of each
        attribute first, as the answers come. Days without a value are left out.

        Args:
            start: The first day.
            end: The last day, included.
            attributes: The names of the attributes. None means all that Exist lists with their values: not the inactive
                ones and those of priority 10 and more, which have to be named. A name that the user has no attribute
                of raises NotFoundError when it is read.
            groups: Only attributes of these groups. Together with names, attributes that Exist does not list are
                skipped.

        Raises:
            ConfigurationError: A day is not a date, `end` is before `start`, or a list is a bare string or empty.
        """
        from exist_async.values.history import History

        return History(self._session, start, end, attributes=attributes, groups=groups)

    async def update(
        self,
        items: Items[ValueUpdate],
        *,
        reacquire: bool = False,
        on_outcome: Callable[[Outcome[ValueUpdate, ValueEcho]], None] | None = None,
    ) -> BatchResult[ValueUpdate, ValueEcho]:
        """Write values, each in place of the day's value before. Doing it again is harmless.

        Of two items for the same attribute and day, the later one is written later.

        Args:
            items: Any number.
            reacquire: Whether to acquire, once, attributes whose values are refused as `unauthorised` or `not_found`,
                and to send these values again. Attributes of the first kind are taken from the service that owns them
                now; those of the second are created, if there is a template with that name. Values of an attribute
                that can't be acquired stay refused, with the reason in `error`; if acquiring failed without an answer,
                they are `not_sent`.
            on_outcome: Called with each outcome as requests end.

        Returns:
            One outcome for each item, in the order given.

        Raises:
            ConfigurationError: An item is wrong. If the items are a sequence, nothing was sent.
            ExistAsyncError: Some items were not answered; its `result` holds every outcome.
        """
        check_flag("reacquire", reacquire)
        session = self._session.with_deadline()
        operation = writes.UPDATE
        if reacquire:
            operation = evolve(operation, on_refused=writes.Reacquisition(session))
        return await write(session, operation, items, on_outcome)

    async def increment(
        self,
        items: Items[ValueIncrement],
        *,
        on_outcome: Callable[[Outcome[ValueIncrement, ValueEcho]], None] | None = None,
    ) -> BatchResult[ValueIncrement, ValueEcho]:
        """Add to values: of numbers, durations and percentages; Exist refuses it for other types.

        Doing it again adds again, so a request whose answer is lost is never repeated: its items are `unknown`. The new
        value of an attribute is in `value.current` of the outcome.

        Args:
            items: Any number. Those without a date count for today in the user's time zone; the write asks once which
                day that is.
            on_outcome: Called with each outcome as requests end.

        Returns:
            One outcome for each item, in the order given.

        Raises:
            ConfigurationError: An item is wrong. If the items are a sequence, nothing was sent.
            ExistAsyncError: Some items were not answered; its `result` holds every outcome.
        """
        session = self._session.with_deadline()
        operation = evolve(writes.INCREMENT, complete=writes.DateFiller(session))
        return await write(session, operation, items, on_outcome)
