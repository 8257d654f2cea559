"""The correlations and insights of a user; they are seeded, not computed."""

import datetime as dt
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, TypedDict

import attrs

from exist_async.sandbox.attributes import Attribute

__all__ = ["Correlation", "CorrelationFields", "Insight", "InsightFields"]

# The last two were seen in Exist's replies; the wording of the others is the sandbox's own.
_STARS_DESCRIPTIONS: Final = (
    "Unlikely to be related",
    "Possibly related",
    "Probably related",
    "Almost certainly related",
    "Certain to be related",
)


class CorrelationFields(TypedDict, total=False):
    """Optional fields of a correlation.

    Attributes:
        date: Date of the computation.
        p: Probability that the correlation is due to chance, 0 to 1.
        stars: Confidence, 1 to 5.
        period: Length of the period that was analysed, in days.
        offset: Days from the second attribute to the first.
        second_person_elements: Parts of the sentence that describes it.
        attribute_category: Category of the first attribute's values.
        description: Explanation.
        occurrence: Frequency among all users, in words.
        rating: The user's rating, with the keys `positive`, `rating_type` and `rating`.
    """

    date: dt.date
    p: float
    stars: int
    period: int
    offset: int
    second_person_elements: Sequence[str]
    attribute_category: str | None
    description: str | None
    occurrence: str | None
    rating: Mapping[str, object] | None


class InsightFields(TypedDict, total=False):
    """Optional fields of an insight.

    Attributes:
        created: Time of its creation, in any time zone.
        target_date: Date to which it refers, or None.
        name: Name of its type.
        period: Period of its type, in days.
        priority: Priority of its type: 1 immediate, 2 daily, 3 weekly, 4 monthly.
    """

    created: dt.datetime
    target_date: dt.date | None
    name: str
    period: int
    priority: int


@attrs.frozen(eq=False)
class Correlation:
    """A correlation between two attributes of a user.

    Raises:
        ValueError: Both attributes are the same, or a number is out of range.
    """

    attribute: Attribute
    attribute2: Attribute
    value: float
    date: dt.date
    p: float = 0.0001
    stars: int = 5
    period: int = 365
    offset: int = 0
    second_person_elements: Sequence[str] = ()
    attribute_category: str | None = None
    description: str | None = None
    occurrence: str | None = None
    rating: Mapping[str, object] | None = None

    def __attrs_post_init__(self) -> None:
        if self.attribute is self.attribute2:
            raise ValueError(f"attribute and attribute2 must differ, not both be {self.attribute.name!r}")
        if not -1 <= self.value <= 1:
            raise ValueError(f"value must be from -1 to 1, not {self.value}")
        if not 0 <= self.p <= 1:
            raise ValueError(f"p must be from 0 to 1, not {self.p}")
        if self.stars not in range(1, 6):
            raise ValueError(f"stars must be from 1 to 5, not {self.stars}")

    @property
    def names(self) -> set[str | None]:
        """The names of the two attributes."""
        return {self.attribute.name, self.attribute2.name}

    def to_json(self) -> dict[str, object]:
        """Return the correlation as in Exist's replies."""
        elements = self.second_person_elements or self._default_elements()
        return {
            "date": self.date.isoformat(),
            "period": self.period,
            "offset": self.offset,
            "attribute": self.attribute.name,
            "attribute2": self.attribute2.name,
            "value": self.value,
            "p": self.p,
            "percentage": abs(self.value) * 100,
            "stars": self.stars,
            "second_person": " ".join(elements) + ".",
            "second_person_elements": elements,
            "attribute_category": self.attribute_category,
            "strength_description": self._strength_description(),
            "stars_description": _STARS_DESCRIPTIONS[self.stars - 1],
            "description": self.description,
            "occurrence": self.occurrence,
            "rating": self.rating,
        }

    def _default_elements(self) -> Sequence[str]:
        change = "less" if self.value < 0 else "more"
        return f"you have more '{self.attribute.label}'", "when", f"you have {change} '{self.attribute2.label}'"

    def _strength_description(self) -> str:
        # The word "Sometimes" and the thresholds are the sandbox's own.
        strength = abs(self.value)
        if strength >= 0.6:
            return "Nearly always go together"
        if strength >= 0.4:
            return "Quite often go together"
        return "Sometimes go together" if strength >= 0.2 else "Rarely go together"


@attrs.frozen(eq=False)
class Insight:
    """An insight about an attribute.

    Raises:
        ValueError: The text is blank, or the priority is out of range.
    """

    attribute: Attribute
    text: str
    created: dt.datetime
    target_date: dt.date | None = None
    name: str = "sandbox"
    period: int = 1
    priority: int = 2

    def __attrs_post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("text must not be blank")
        if self.priority not in range(1, 5):
            raise ValueError(f"priority must be from 1 to 4, not {self.priority}")

    @property
    def day(self) -> dt.date:
        """The date by which insights are filtered: the target date, otherwise the date of creation."""
        return self.target_date or self.created.date()

    def to_json(self) -> dict[str, object]:
        """Return the insight as in Exist's replies, with CRLF between lines."""
        lines = self.text.splitlines()
        classes = ["secondary", *["num-label"] * (len(lines) - 1)]
        html = [f'<div class="{name}">{escape(line)}</div>' for name, line in zip(classes, lines, strict=True)]
        return {
            "created": self.created.isoformat(timespec="seconds"),
            "target_date": None if self.target_date is None else self.target_date.isoformat(),
            "type": {
                "name": self.name,
                "period": self.period,
                "priority": self.priority,
                "attribute": self.attribute.to_template_json(),
            },
            "html": "\r\n".join(html),
            "text": "\r\n".join(lines),
        }
