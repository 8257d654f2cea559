"""Averages: what is usual for the user, on any day and on each day of the week."""

import datetime as dt
from collections.abc import Iterable

from attrs import field, frozen

from exist_async.paging import LARGEST_PAGE, NumberedPaginator, PageBody, Paginator
from exist_async.resource import ROOT, Resource, encode_filters


@frozen
class Average:
    """What was usual for one attribute when Exist worked it out, once a week: medians of the last 60 days.

    The numbers are as Exist writes values of the attribute's type: minutes for a duration, say.

    Attributes:
        attribute: The attribute's name.
        date: The day on which it was worked out.
        overall: What is usual for any day.
        monday: What is usual for a Monday; the other days of the week likewise.
        user_attribute: The same as `attribute`, which some replies call so.
    """

    attribute: str = ""
    date: dt.date | None = None
    overall: float | None = None
    monday: float | None = None
    tuesday: float | None = None
    wednesday: float | None = None
    thursday: float | None = None
    friday: float | None = None
    saturday: float | None = None
    sunday: float | None = None
    user_attribute: str = field(default="", repr=False)

    def __attrs_post_init__(self) -> None:
        name = self.attribute or self.user_attribute
        object.__setattr__(self, "attribute", name)
        object.__setattr__(self, "user_attribute", name)


class Averages(Resource):
    """What is usual for the user."""

    __slots__ = ()

    def list(
        self,
        *,
        date_min: dt.date | None = None,
        date_max: dt.date | None = None,
        groups: Iterable[str] | None = None,
        attributes: Iterable[str] | None = None,
        include_historical: bool = False,
        page_size: int = LARGEST_PAGE,
    ) -> Paginator[Average]:
        """List the averages, the latest of each attribute unless earlier ones are asked for, too.

        Args:
            date_min: The first day to list averages of.
            date_max: The last such day.
            groups: Only those of attributes of these groups.
            attributes: Only those of these attributes.
            include_historical: Also the earlier averages of each attribute.
            page_size: Results to ask for in a page, 1 to 100.
        """
        params = encode_filters(
            lists={"groups": groups, "attributes": attributes},
            flags={"include_historical": include_historical},
            days={"date_min": date_min, "date_max": date_max},
        )
        return NumberedPaginator(self._session, f"{ROOT}averages/", params, PageBody[Average], page_size)
