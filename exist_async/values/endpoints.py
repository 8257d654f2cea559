"""Reads and writes values."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from exist_async._checks import check_flag, check_int, check_text
from exist_async.batch.items import Items
from exist_async.batch.writes import write
from exist_async.outcomes import BatchResult, Outcome
from exist_async.paging import LARGEST_PAGE, NumberedPaginator, PageBody, Paginator
from exist_async.resource import Resource, encode_filters
from exist_async.values import writes
from exist_async.values.models import AttributeWithValues, DayValue, ValueEcho
from exist_async.values.paths import MOST_DAYS, VALUES, WITH_VALUES
from exist_async.values.requests import ValueIncrement, ValueUpdate

if TYPE_CHECKING:
    from exist_async.values.history import History


class Values(Resource):
    """What the user's attributes have on each day.

    A service has to own an attribute before it writes values into it: `exist.attributes.ensure()` sees to that. Items
    of every write are sent 35 a request, concurrently; `on_outcome` is called with each outcome as requests end.
    """

    __slots__ = ()

    def of(self, name: str, *, date_max: dt.date | None = None, page_size: int = LARGEST_PAGE) -> Paginator[DayValue]:
        """List the values of one attribute, newest first. Days without one may be None, or missing.

        Args:
            name: The attribute's name. One that the user lacks raises NotFoundError when the listing is read.
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
            date_max: The last of these days; None is the day it is where the user is.
            groups: Only attributes of these groups.
            attributes: Only those of these names.
            templates: Only those of these templates.
            manual: True for those entered by hand alone, False for the others alone.
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
        """Read every value between two days, in the fewest requests that it can be had in.

        Iterate over it with `async for`: it gives pairs of an attribute's name and a `DayValue`, for each attribute
        the newest first, as the answers come. Days without a value are left out.

        Args:
            start: The first day.
            end: The last day, which is part of it.
            attributes: The names of the attributes. None is all that Exist lists with their values, which leaves
                inactive ones and those of priority 10 and more out; those have to be named. One that the user lacks
                raises NotFoundError, once it is its turn.
            groups: Only attributes of these groups. Together with names, what Exist does not list is passed over.

        Raises:
            ConfigurationError: A day is no date, or `end` lies before `start`; a list is a bare string or is empty.
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
        """Write values: each day's is what the item says, whatever it was before. Doing it again is harmless.

        Of two items about the same attribute and day the later one is written later.

        Args:
            items: Any number.
            reacquire: Whether to acquire, once, attributes whose values are refused as `unauthorised` or `not_found`,
                and to send these values again. The former are taken from the service that owns them now; the latter
                are created where there is a template of that name. What can't be acquired stays refused, and `error`
                says why; where acquiring failed for another reason, the value is `not_sent`.
            on_outcome: Called with each outcome as requests end.

        Returns:
            One outcome for each item, in the order given.

        Raises:
            ConfigurationError: An item is wrong; of a sequence nothing was sent then.
            ExistAsyncError: Some item was not answered; `result` holds every outcome.
        """
        check_flag("reacquire", reacquire)
        session = self._session.begin()
        return await write(session, writes.update(session, reacquire=reacquire), items, on_outcome)

    async def increment(
        self,
        items: Items[ValueIncrement],
        *,
        on_outcome: Callable[[Outcome[ValueIncrement, ValueEcho]], None] | None = None,
    ) -> BatchResult[ValueIncrement, ValueEcho]:
        """Add to values: of numbers, durations and percentages; Exist refuses it for other types.

        Doing it again adds again, so a request whose answer is lost is never repeated: its items are `unknown`. What an
        attribute has afterwards is in `value.current` of the outcomes.

        Args:
            items: Any number. Those without a day get the one that it is where the user is; the time there is asked
                for once.
            on_outcome: Called with each outcome as requests end.

        Returns:
            One outcome for each item, in the order given.

        Raises:
            ConfigurationError: An item is wrong; of a sequence nothing was sent then.
            ExistAsyncError: Some item was not answered; `result` holds every outcome.
        """
        session = self._session.begin()
        return await write(session, writes.increment(session), items, on_outcome)
