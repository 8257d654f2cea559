"""Insights: what Exist found worth telling the user."""

import datetime as dt

from attrs import frozen

from exist_async._checks import check_int
from exist_async.attributes import AttributeTemplate
from exist_async.paging import LARGEST_PAGE, NumberedPaginator, PageBody, Paginator
from exist_async.resource import ROOT, Resource, encode_filters

_LOWEST_PRIORITY = 4


@frozen
class InsightType:
    """What kind of insight it is.

    Attributes:
        name: Its name, such as `dow_tracks`.
        period: How many days it looks at.
        priority: What it is about: 1 what happens now, 2 a day, 3 a week, 4 a month.
        attribute: The attribute that it is about.
    """

    name: str | None = None
    period: int | None = None
    priority: int | None = None
    attribute: AttributeTemplate | None = None


@frozen
class Insight:
    """Something that Exist found worth telling.

    Attributes:
        created: When it was found.
        target_date: The day that it is about, where it is about one.
        type: What kind of insight it is.
        html: What it says, as HTML.
        text: What it says, as plain text; its lines end in CR LF.
    """

    created: dt.datetime | None = None
    target_date: dt.date | None = None
    type: InsightType | None = None
    html: str | None = None
    text: str | None = None


class Insights(Resource):
    """What Exist found worth telling the user."""

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
            date_min: The first day to list insights of.
            date_max: The last such day.
            priority: Only those of this priority, 1 to 4: about now, a day, a week, a month.
            page_size: Results to ask for in a page, 1 to 100.
        """
        params = encode_filters(days={"date_min": date_min, "date_max": date_max})
        if priority is not None:
            check_int("priority", priority, least=1, most=_LOWEST_PRIORITY)
            params["priority"] = str(priority)
        return NumberedPaginator(self._session, f"{ROOT}insights/", params, PageBody[Insight], page_size)
