"""Correlations: what goes together in the user's life."""

import datetime as dt

from attrs import frozen

from exist_async._checks import check_flag, check_text
from exist_async._http.call import Call, encode_query
from exist_async.errors import NotFoundError
from exist_async.paging import LARGEST_PAGE, NumberedPaginator, PageBody, Paginator
from exist_async.resource import ROOT, Resource

_NOT_FOUND = "not_found"


@frozen
class CorrelationRating:
    """What the user thinks of a correlation.

    Attributes:
        positive: Whether they like it.
        rating_type: The number of what they say of it, such as 50.
        rating: The same in words, such as `Useful`.
    """

    positive: bool | None = None
    rating_type: int | None = None
    rating: str | None = None


@frozen
class Correlation:
    """How one attribute goes together with another.

    Attributes:
        attribute: The name of the attribute that changes.
        attribute2: The name of the attribute that it changes with.
        date: The day on which it was worked out.
        period: How many days it was worked out from.
        offset: How many days lie between the two: -1 where the second attribute is of the day before.
        value: How they go together: from -1, the more of the one the less of the other, to 1, the more the more.
        p: How likely it is that this came about by chance, from 0.0.
        percentage: How strongly they go together, 0 to 100.
        stars: How sure Exist is of it, 1 to 5.
        second_person: The sentence that tells it to the user.
        second_person_elements: The parts of this sentence.
        attribute_category: The part of the first attribute's data that it is about, such as one calendar; None is all.
        strength_description: How strong it is, in words.
        stars_description: How sure Exist is, in words.
        description: Why the two may go together, where Exist knows.
        occurrence: How common this is among people, in words, where Exist knows.
        rating: What the user thinks of it.
    """

    attribute: str
    attribute2: str
    date: dt.date | None = None
    period: int | None = None
    offset: int | None = None
    value: float | None = None
    p: float | None = None
    percentage: float | None = None
    stars: int | None = None
    second_person: str | None = None
    second_person_elements: tuple[str, ...] = ()
    attribute_category: str | None = None
    strength_description: str | None = None
    stars_description: str | None = None
    description: str | None = None
    occurrence: str | None = None
    rating: CorrelationRating | None = None


class Correlations(Resource):
    """What goes together in the user's life."""

    __slots__ = ()

    def list(
        self,
        *,
        strong: bool = False,
        confident: bool = False,
        attribute: str | None = None,
        page_size: int = LARGEST_PAGE,
    ) -> Paginator[Correlation]:
        """List the correlations.

        Args:
            strong: Only those that go together strongly.
            confident: Only those of five stars.
            attribute: Only those of this attribute.
            page_size: Results to ask for in a page, 1 to 100.
        """
        params: dict[str, str] = {}
        for name, flag in (("strong", strong), ("confident", confident)):
            check_flag(name, flag)
            if flag:
                params[name] = "1"
        if attribute is not None:
            check_text("attribute", attribute)
            params["attribute"] = attribute
        return NumberedPaginator(self._session, f"{ROOT}correlations/", params, PageBody[Correlation], page_size)

    async def between(self, attribute: str, attribute2: str) -> Correlation | None:
        """Return the correlation between two attributes, in whichever order, or None if Exist has found none."""
        check_text("attribute", attribute)
        check_text("attribute2", attribute2)
        query = encode_query({"attribute": attribute, "attribute2": attribute2})
        try:
            return await self._session.send(Call("GET", f"{ROOT}correlations/combo/", query), Correlation)
        except NotFoundError as error:
            # Any other 404 says that there is no such endpoint, and not that there is no correlation.
            if error.code == _NOT_FOUND:
                return None
            raise
