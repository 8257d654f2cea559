"""Response models of Attio's attributes. Fields that are not listed here are ignored."""

import datetime as dt
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Self

from attrs import field, frozen

from exist_async.errors import ConfigurationError


class _OpenEnum(StrEnum):
    """An enum that may gain members: an unknown value is kept as it is."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member


class AttributeType(_OpenEnum):
    """Type of the values of an attribute. An unknown type is kept as it is."""

    TEXT = "text"
    NUMBER = "number"
    CHECKBOX = "checkbox"
    CURRENCY = "currency"
    DATE = "date"
    TIMESTAMP = "timestamp"
    RATING = "rating"
    STATUS = "status"
    SELECT = "select"
    RECORD_REFERENCE = "record-reference"
    ACTOR_REFERENCE = "actor-reference"
    LOCATION = "location"
    DOMAIN = "domain"
    EMAIL_ADDRESS = "email-address"
    PHONE_NUMBER = "phone-number"
    INTERACTION = "interaction"
    """Only Attio's own attributes have this type: it can't be created."""
    PERSONAL_NAME = "personal-name"
    """Only Attio's own attributes have this type: it can't be created."""


class CurrencyDisplay(_OpenEnum):
    """Display format of amounts of money. An unknown format is kept as it is."""

    CODE = "code"
    """Code of the currency, such as "USD"."""
    NAME = "name"
    """Name in the reader's language, such as "British pound"."""
    NARROW_SYMBOL = "narrowSymbol"
    """Short symbol, as in "$1", not "US$1"."""
    SYMBOL = "symbol"
    """Symbol in the reader's region."""


class DefaultValueType(_OpenEnum):
    """Source of a default value. An unknown source is kept as it is."""

    STATIC = "static"
    """The template is the value."""
    DYNAMIC = "dynamic"
    """The template names a value that is looked up when a record is created."""


@frozen
class AttributeId:
    """UUIDs of an attribute.

    Attributes:
        workspace_id: UUID of the workspace.
        object_id: UUID of the object or list.
        attribute_id: UUID of the attribute.
    """

    workspace_id: str
    object_id: str
    attribute_id: str


@frozen
class OptionId(AttributeId):
    """UUIDs of an option of a select attribute.

    Attributes:
        option_id: UUID of the option.
    """

    option_id: str


@frozen
class StatusId(AttributeId):
    """UUIDs of a status of a status attribute.

    Attributes:
        status_id: UUID of the status.
    """

    status_id: str


@frozen
class DefaultValue:
    """Default value of an attribute; create it with `static()` or `dynamic()`.

    Attributes:
        type: Source of the value.
        template: A list of values, each an object in the format of the attribute's type, such as `[{"value": 5}]`; or
            the name of the value to look up, such as `current-user`.
    """

    type: DefaultValueType
    template: Any = field(hash=False)

    @classmethod
    def static(cls, values: Iterable[Mapping[str, Any]]) -> Self:
        """Create a default value that is the same for every record.

        Args:
            values: Its values, each in the format of the attribute's type, such as `{"value": 5}`.

        Raises:
            ConfigurationError: `values` is not a list of mappings.
        """
        listed = None if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable) else list(values)  # pyright: ignore[reportUnnecessaryIsInstance]
        if listed is None or not all(isinstance(value, Mapping) for value in listed):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError('a static default value must be a list of values such as {"value": 5}')
        return cls(DefaultValueType.STATIC, [dict(value) for value in listed])

    @classmethod
    def dynamic(cls, template: str) -> Self:
        """Create a default value that is looked up when a record is created.

        Args:
            template: `current-user` for actors; for dates an ISO 8601 duration from the creation on, such as `P1M`.

        Raises:
            ConfigurationError: `template` is not a string, or is empty.
        """
        if not isinstance(template, str) or not template:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("a dynamic default value must be a string such as 'current-user'")
        return cls(DefaultValueType.DYNAMIC, template)


@frozen
class Relationship:
    """The attribute at the other end of a relationship.

    Attributes:
        id: UUIDs of the attribute.
        object_slug: Slug of the object that it belongs to.
        title: Display name.
        api_slug: Slug.
        is_multiselect: Whether it can have several values. The two ends together determine the kind of relationship:
            one to one, many to one, one to many, or many to many.
    """

    id: AttributeId | None = None
    object_slug: str | None = None
    title: str | None = None
    api_slug: str | None = None
    is_multiselect: bool | None = None


@frozen
class CurrencyConfig:
    """Settings of an attribute of type `currency`; both are None for other types.

    Attributes:
        default_currency_code: ISO 4217 code of the currency.
        display_type: Display format of amounts.
    """

    default_currency_code: str | None = None
    display_type: CurrencyDisplay | None = None


@frozen
class RecordReferenceConfig:
    """Settings of an attribute of type `record-reference`.

    Attributes:
        allowed_object_ids: UUIDs of the objects whose records it may refer to; None or empty means every object.
    """

    allowed_object_ids: tuple[str, ...] | None = None


@frozen
class AttributeConfig:
    """Settings of an attribute that depend on its type. A request has them as a `ConfigInput`.

    Attributes:
        currency: Settings for type `currency`.
        record_reference: Settings for type `record-reference`.
    """

    currency: CurrencyConfig | None = None
    record_reference: RecordReferenceConfig | None = None


@frozen
class Attribute:
    """An attribute of an object or list.

    Attributes:
        id: UUIDs of the attribute.
        title: Display name.
        api_slug: Name in paths and in answers, unique in its object or list.
        type: Type of its values.
        description: Purpose of the attribute, as its author describes it.
        is_system_attribute: Whether it is one of Attio's own.
        is_writable: Whether its values can be written; Attio itself writes most of those that can't.
        is_required: Whether new records must have a value.
        is_unique: Whether no two new records may have the same value.
        is_multiselect: Whether it can have several values.
        is_default_value_enabled: Whether it has a default value.
        is_archived: Whether it is archived: hidden, but restorable.
        default_value: Value of records that are given none.
        relationship: The attribute at the other end, if it is one end of a relationship.
        created_at: Time of creation.
        config: Settings that depend on its type.
    """

    id: AttributeId
    title: str
    api_slug: str
    type: AttributeType
    description: str | None = None
    is_system_attribute: bool | None = None
    is_writable: bool | None = None
    is_required: bool | None = None
    is_unique: bool | None = None
    is_multiselect: bool | None = None
    is_default_value_enabled: bool | None = None
    is_archived: bool | None = None
    default_value: DefaultValue | None = None
    relationship: Relationship | None = None
    created_at: dt.datetime | None = None
    config: AttributeConfig | None = None


@frozen
class SelectOption:
    """An option of a select attribute.

    Attributes:
        id: UUIDs of the option.
        title: Display name.
        is_archived: Whether it is archived.
    """

    id: OptionId
    title: str
    is_archived: bool | None = None


@frozen
class Status:
    """A status of a status attribute.

    Attributes:
        id: UUIDs of the status.
        title: Display name.
        is_archived: Whether it is archived.
        celebration_enabled: Whether Attio shows an animation when a record reaches it.
        target_time_in_status: Longest time that a record should have this status, as an ISO 8601 duration such as
            `P1D`.
    """

    id: StatusId
    title: str
    is_archived: bool | None = None
    celebration_enabled: bool | None = None
    target_time_in_status: str | None = None
