"""Findings: what Exist noticed in a user's data, correlations and insights."""

import datetime as dt
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, TypedDict

import attrs

from exist_async.sandbox.attributes import Attribute

__all__ = ["Correlation", "CorrelationFields", "Insight", "InsightFields"]

# Exist is known to have the last two; the others are the sandbox's own.
_STARS: Final = (
    "Unlikely to be related",
    "Possibly related",
    "Probably related",
    "Almost certainly related",
    "Certain to be related",
)


class CorrelationFields(TypedDict, total=False):
    """What may be chosen about a correlation.

    Attributes:
        date: The day it was found.
        p: How likely chance alone would have made it, 0 to 1.
        stars: How confident Exist is, 1 to 5.
        period: Days that were looked at.
        offset: Days from the second attribute to the first.
        second_person_elements: The parts of the sentence about it.
        attribute_category: The part of the first attribute's data that it is about.
        description: Why it may be so.
        occurrence: How many people have it.
        rating: What the user thinks of it, with the keys `positive`, `rating_type` and `rating`.
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
    """What may be chosen about an insight.

    Attributes:
        created: When it was found, in any time zone.
        target_date: The day that it is about, if it is about one.
        name: The name of its type.
        period: The period of its type.
        priority: The priority of its type: 1 of the moment, 2 of a day, 3 of a week, 4 of a month.
    """

    created: dt.datetime
    target_date: dt.date | None
    name: str
    period: int
    priority: int


@attrs.frozen(eq=False)
class Correlation:
    """How much two attributes of a user go together.

    Raises:
        ValueError: Both attributes are one, or a number is out of its range.
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
            raise ValueError(f"A correlation needs two attributes, not {self.attribute.name!r} twice")
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

    def shape(self) -> dict[str, object]:
        """Return the correlation as Exist answers it."""
        elements = self.second_person_elements or self._sentence()
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
            "strength_description": self._strength(),
            "stars_description": _STARS[self.stars - 1],
            "description": self.description,
            "occurrence": self.occurrence,
            "rating": self.rating,
        }

    def _sentence(self) -> Sequence[str]:
        change = "less" if self.value < 0 else "more"
        return f"you have more '{self.attribute.label}'", "when", f"you have {change} '{self.attribute2.label}'"

    def _strength(self) -> str:
        # "Sometimes", and where each begins, is the sandbox's own.
        strength = abs(self.value)
        if strength >= 0.6:
            return "Nearly always go together"
        if strength >= 0.4:
            return "Quite often go together"
        return "Sometimes go together" if strength >= 0.2 else "Rarely go together"


@attrs.frozen(eq=False)
class Insight:
    """Something that stands out in an attribute.

    Raises:
        ValueError: There is no text, or the priority is none.
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
            raise ValueError("An insight needs a text")
        if self.priority not in range(1, 5):
            raise ValueError(f"priority must be from 1 to 4, not {self.priority}")

    @property
    def day(self) -> dt.date:
        """The day by which it is filtered: the one that it is about, else the one on which it was found."""
        return self.target_date or self.created.date()

    def shape(self) -> dict[str, object]:
        """Return the insight as Exist answers it, with the line ends of its texts."""
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
                "attribute": self.attribute.shape_as_template(),
            },
            "html": "\r\n".join(html),
            "text": "\r\n".join(lines),
        }
