"""Correlations between attributes."""

import datetime as dt
from collections.abc import Hashable

from attrs import frozen

from exist_async._checks import check_text
from exist_async._http.call import Call, encode_query
from exist_async.errors import NotFoundError
from exist_async.paging import LARGEST_PAGE, NumberedPaginator, PageBody, Paginator, is_own_not_found
from exist_async.resource import ROOT, Resource, encode_filters


@frozen
class CorrelationRating:
    """The user's rating of a correlation: `rating_type` is its number, such as 50, `rating` its words, as `Useful`."""

    positive: bool | None = None
    rating_type: int | None = None
    rating: str | None = None


@frozen
class Correlation:
    """A correlation between two attributes.

    Attributes:
        attribute: Name of the dependent attribute.
        attribute2: Name of the attribute that it correlates with.
        date: Date of the calculation.
        period: Number of days that it was calculated from.
        offset: Days between the two: -1 if the second attribute is that of the day before.
        value: Correlation coefficient, from -1 (opposite) to 1 (same direction).
        p: P-value: the probability that it is a coincidence, from 0.0.
        percentage: Strength, 0 to 100.
        stars: Confidence, 1 to 5.
        second_person, second_person_elements: Sentence that describes it to the user, and its parts.
        attribute_category: Part of the first attribute's data that it is limited to, such as one calendar; None if all.
        strength_description, stars_description: Strength and confidence in words.
        description: Possible explanation, if Exist has one.
        occurrence: Frequency of this correlation among users, in words, if available.
        rating: The user's rating.
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
    """Correlations between attributes."""

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
            strong: Only strong correlations.
            confident: Only correlations with five stars.
            attribute: Only correlations of this attribute.
            page_size: Number of results to request in a page, 1 to 100.
        """
        params = dict.fromkeys(encode_filters(flags={"strong": strong, "confident": confident}), "1")
        if attribute is not None:
            check_text("attribute", attribute)
            params["attribute"] = attribute
        body = PageBody[Correlation]
        return NumberedPaginator(self._session, f"{ROOT}correlations/", params, body, page_size, key=_key)

    async def between(self, attribute: str, attribute2: str) -> Correlation | None:
        """Return the correlation between two attributes, in either order, or None if Exist has found none."""
        check_text("attribute", attribute)
        check_text("attribute2", attribute2)
        query = encode_query({"attribute": attribute, "attribute2": attribute2})
        try:
            return await self._session.send(Call("GET", f"{ROOT}correlations/combo/", query), Correlation)
        except NotFoundError as error:
            # Exist may leave out its code. Another code means something else, and other bodies are of a proxy.
            if is_own_not_found(error) or error.body.strip() in ("", "{}"):
                return None
            raise


def _key(correlation: Correlation) -> Hashable:
    # Python's hashes of -1 and -2 are equal, so two correlations that differ only in such offsets have equal hashes.
    return correlation, str(correlation.offset)
