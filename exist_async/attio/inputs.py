"""What is sent of an attribute that depends on its type, and checks itself."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import attrs
from attrs import field, frozen

from exist_async._checks import check_text, is_flag, is_text, wrong_type
from exist_async.errors import ConfigurationError


def _objects(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type("allowed_objects", "a list of slugs or UUIDs", cast("object", value))
    objects = tuple(value)
    for each in objects:
        check_text("allowed_objects", each)
    if not objects:
        raise ConfigurationError("allowed_objects is empty: give one at least")
    return objects


def _is_currency(_: object, __: "attrs.Attribute[Any]", value: object) -> None:
    if value is not None and not isinstance(value, CurrencyInput):
        raise wrong_type("currency", "a CurrencyInput", value)


def _is_reference(_: object, __: "attrs.Attribute[Any]", value: object) -> None:
    if value is not None and not isinstance(value, RecordReferenceInput):
        raise wrong_type("record_reference", "a RecordReferenceInput", value)


@frozen
class CurrencyInput:
    """How an attribute of type `currency` is to be set up.

    Attributes:
        default_currency_code: The ISO 4217 code of its currency, such as `EUR`.
        display_type: How amounts are shown: a `CurrencyDisplay`, or its word.

    Raises:
        ConfigurationError: One of them is no string, or is empty.
    """

    default_currency_code: str = field(validator=is_text)
    display_type: str = field(validator=is_text)


@frozen
class RecordReferenceInput:
    """How an attribute of type `record-reference` is to be set up.

    Attributes:
        allowed_objects: The objects whose records it may refer to, by slug or UUID; one at least.

    Raises:
        ConfigurationError: It is a bare string, is empty, or holds what is no name.
    """

    allowed_objects: tuple[str, ...] = field(converter=_objects)


@frozen
class ConfigInput:
    """How an attribute is to be set up, as far as that depends on its type. What comes back is an `AttributeConfig`.

    Attributes:
        currency: Of type `currency`.
        record_reference: Of type `record-reference`.

    Raises:
        ConfigurationError: One of them is of another class.
    """

    currency: CurrencyInput | None = field(default=None, validator=_is_currency)
    record_reference: RecordReferenceInput | None = field(default=None, validator=_is_reference)


@frozen
class RelationshipInput:
    """The attribute that is to be made at the other end of a relationship.

    Attributes:
        object: The object that it is to belong to, by slug or UUID.
        title: Its name for people.
        api_slug: Its slug.
        is_multiselect: Whether it can have several values.

    Raises:
        ConfigurationError: One of them is wrong.
    """

    object: str = field(validator=is_text)
    title: str = field(validator=is_text)
    api_slug: str = field(validator=is_text)
    is_multiselect: bool = field(validator=is_flag)
