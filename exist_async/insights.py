"""Insights: noteworthy events and changes that Exist found in the user's data."""

import datetime as dt

from attrs import frozen

from exist_async._checks import check_int
from exist_async.attributes import AttributeTemplate
from exist_async.paging import LARGEST_PAGE, NumberedPaginator, PageBody, Paginator
from exist_async.resource import ROOT, Resource, encode_filters


@frozen
class InsightType:
    """The type of an insight.

    Attributes:
        name: Name of the type, such as `dow_tracks`.
        period: Number of days that it covers.
        priority: Time range: 1 the present, 2 a day, 3 a week, 4 a month.
        attribute: Template of the attribute that it is about.
    """

    name: str | None = None
    period: int | None = None
    priority: int | None = None
    attribute: AttributeTemplate | None = None


@frozen
class Insight:
    """A noteworthy event or change in the user's data.

    Attributes:
        target_date: Day that it is about, if it is about one.
        html: Text as HTML.
        text: Plain text; its lines end in CR LF.
    """

    created: dt.datetime | None = None
    target_date: dt.date | None = None
    type: InsightType | None = None
    html: str | None = None
    text: str | None = None


class Insights(Resource):
    """Insights into the user's data."""

    __slots__ = ()

    def list(
        self,
        *,
        date_min: dt.date | None = None,
        date_max: dt.date | None = None,
        priority: int | None = None,
        page_size: int = LARGEST_PAGE,
    ) -> Paginator[Insight]:
        """List the insights.

        Args:
            date_min: Earliest day.
            date_max: Latest day.
            priority: Only insights of this priority: 1 the present, 2 a day, 3 a week, 4 a month.
            page_size: Number of results to request in a page, 1 to 100.
        """
        params = encode_filters(days={"date_min": date_min, "date_max": date_max})
        if priority is not None:
            check_int("priority", priority, least=1, most=4)
            params["priority"] = str(priority)
        return NumberedPaginator(self._session, f"{ROOT}insights/", params, PageBody[Insight], page_size)
