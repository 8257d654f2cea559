"""Averages of attributes, overall and for each day of the week."""

import datetime as dt
from collections.abc import Iterable

from attrs import field, frozen

from exist_async._json import ESSENTIAL
from exist_async.paging import LARGEST_PAGE, NumberedPaginator, PageBody, Paginator
from exist_async.resource import ROOT, Resource, encode_filters


@frozen
class Average:
    """Averages of one attribute: medians of the last 60 days, which Exist calculates once a week.

    The numbers have the format of the attribute's type, such as minutes for a duration.

    Attributes:
        attribute: Name of the attribute.
        date: Date of the calculation.
        overall: Average of all days.
        monday: Average of Mondays; likewise the other days of the week.
        user_attribute: The same as `attribute`; some answers use this name for it.
    """

    attribute: str = ""
    date: dt.date | None = None
    overall: float | None = field(default=None, metadata=ESSENTIAL)
    monday: float | None = field(default=None, metadata=ESSENTIAL)
    tuesday: float | None = field(default=None, metadata=ESSENTIAL)
    wednesday: float | None = field(default=None, metadata=ESSENTIAL)
    thursday: float | None = field(default=None, metadata=ESSENTIAL)
    friday: float | None = field(default=None, metadata=ESSENTIAL)
    saturday: float | None = field(default=None, metadata=ESSENTIAL)
    sunday: float | None = field(default=None, metadata=ESSENTIAL)
    user_attribute: str = field(default="", repr=False)

    def __attrs_post_init__(self) -> None:
        name = self.attribute or self.user_attribute
        object.__setattr__(self, "attribute", name)
        object.__setattr__(self, "user_attribute", name)


class Averages(Resource):
    """Averages of attributes."""

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
        """List the latest averages of each attribute.

        Args:
            date_min: Earliest date of calculation.
            date_max: Latest date of calculation.
            groups: Only averages of attributes in these groups.
            attributes: Only averages of these attributes.
            include_historical: Whether to include earlier averages.
            page_size: Number of results to request in a page, 1 to 100.
        """
        params = encode_filters(
            lists={"groups": groups, "attributes": attributes},
            flags={"include_historical": include_historical},
            days={"date_min": date_min, "date_max": date_max},
        )
        return NumberedPaginator(self._session, f"{ROOT}averages/", params, PageBody[Average], page_size)
