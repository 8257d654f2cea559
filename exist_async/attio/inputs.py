"""Request models of attributes: the parts that depend on the attribute's type, and the marker for fields not given."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Final, cast

import attrs
from attrs import field, frozen
from attrs.validators import optional

from exist_async._checks import check_text, is_flag, is_text, wrong_type
from exist_async.errors import ConfigurationError


class NotGiven(Enum):
    """The class of `NOT_GIVEN`, for annotations."""

    NOT_GIVEN = "not given"

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __bool__(self) -> bool:
        return False


NOT_GIVEN: Final = NotGiven.NOT_GIVEN
"""Default of optional arguments: the field is not sent and stays unchanged, whereas None is sent as null."""


def _objects(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type("allowed_objects", "a list of slugs or UUIDs", cast("object", value))
    objects = tuple(value)
    for each in objects:
        check_text("allowed_objects", each)
    if not objects:
        raise ConfigurationError("allowed_objects is empty: give at least one")
    return objects


def _is_a(expected: type[object]) -> Callable[[object, "attrs.Attribute[Any]", object], None]:
    """Return a validator for a class; that of attrs would raise a TypeError."""

    def validate(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if not isinstance(value, expected):
            raise wrong_type(attribute.name, f"a {expected.__name__}", value)

    return validate


@frozen
class CurrencyInput:
    """Settings of an attribute of type `currency`.

    Attributes:
        default_currency_code: ISO 4217 code of the currency, such as `EUR`.
        display_type: Display format of amounts: a `CurrencyDisplay`, or its value.

    Raises:
        ConfigurationError: One of them is not a string, or is empty.
    """

    default_currency_code: str = field(validator=is_text)
    display_type: str = field(validator=is_text)


@frozen
class RecordReferenceInput:
    """Settings of an attribute of type `record-reference`.

    Attributes:
        allowed_objects: Slugs or UUIDs of the objects whose records it may refer to; at least one.

    Raises:
        ConfigurationError: It is a bare string, is empty, or an entry is not a string of text.
    """

    allowed_objects: tuple[str, ...] = field(converter=_objects)


@frozen
class ConfigInput:
    """Settings of an attribute that depend on its type. The answer has them as an `AttributeConfig`.

    Attributes:
        currency: Settings for type `currency`.
        record_reference: Settings for type `record-reference`.

    Raises:
        ConfigurationError: One of them is of another class.
    """

    currency: CurrencyInput | None = field(default=None, validator=optional(_is_a(CurrencyInput)))
    record_reference: RecordReferenceInput | None = field(default=None, validator=optional(_is_a(RecordReferenceInput)))


@frozen
class RelationshipInput:
    """The attribute to create at the other end of a relationship.

    Attributes:
        object: Slug or UUID of the object that it belongs to.
        title: Display name.
        api_slug: Slug.
        is_multiselect: Whether it can have several values.

    Raises:
        ConfigurationError: One of them is wrong.
    """

    object: str = field(validator=is_text)
    title: str = field(validator=is_text)
    api_slug: str = field(validator=is_text)
    is_multiselect: bool = field(validator=is_flag)
