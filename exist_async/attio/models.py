"""What Attio says about attributes of its objects and lists.

Fields that Attio adds are ignored until they are named here.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Self

from attrs import field, frozen

from exist_async.errors import ConfigurationError


class _OpenEnum(StrEnum):
    """Words of a list that grows: one that is not here yet stays itself."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member


class AttributeType(_OpenEnum):
    """What the values of an attribute are. The list is open: a type that is not here yet stays itself."""

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
    """Attio's own attributes alone have it: it can't be created."""
    PERSONAL_NAME = "personal-name"
    """Attio's own attributes alone have it: it can't be created."""


class CurrencyDisplay(_OpenEnum):
    """How amounts of money are shown. The list is open."""

    CODE = "code"
    """The code of the currency, such as "USD"."""
    NAME = "name"
    """Its name where the reader is, such as "British pound"."""
    NARROW_SYMBOL = "narrowSymbol"
    """As in "$1", and not "US$1"."""
    SYMBOL = "symbol"
    """Its symbol where the reader is."""


class DefaultValueType(_OpenEnum):
    """Where a default value comes from. The list is open."""

    STATIC = "static"
    """The template is the value."""
    DYNAMIC = "dynamic"
    """The template says what is looked up when a record is made."""


@frozen
class AttributeId:
    """Which attribute it is, in UUIDs.

    Attributes:
        workspace_id: The workspace.
        object_id: The object or list.
        attribute_id: The attribute.
    """

    workspace_id: str
    object_id: str
    attribute_id: str


@frozen
class OptionId(AttributeId):
    """Which option of a select attribute it is, in UUIDs.

    Attributes:
        option_id: The option.
    """

    option_id: str


@frozen
class StatusId(AttributeId):
    """Which status of a status attribute it is, in UUIDs.

    Attributes:
        status_id: The status.
    """

    status_id: str


@frozen
class DefaultValue:
    """What an attribute has where nobody gives a value; made with `static()` or `dynamic()`.

    Attributes:
        type: Where it comes from.
        template: A list of values, each an object as the attribute's type has it, such as `[{"value": 5}]`; or what is
            looked up, such as `current-user`.
    """

    type: DefaultValueType
    template: Any = field(hash=False)

    @classmethod
    def static(cls, values: Iterable[Mapping[str, Any]]) -> Self:
        """Make one that is the same for every record.

        Args:
            values: Its values, each as the attribute's type has it, such as `{"value": 5}`.

        Raises:
            ConfigurationError: It is no list of mappings.
        """
        listed = None if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable) else list(values)  # pyright: ignore[reportUnnecessaryIsInstance]
        if listed is None or not all(isinstance(value, Mapping) for value in listed):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError('a static default value is a list of values such as {"value": 5}')
        return cls(DefaultValueType.STATIC, [dict(value) for value in listed])

    @classmethod
    def dynamic(cls, template: str) -> Self:
        """Make one that is looked up when a record is made.

        Args:
            template: `current-user` for actors; an ISO 8601 duration from then on, such as `P1M`, for dates.

        Raises:
            ConfigurationError: It is no string, or empty.
        """
        if not isinstance(template, str) or not template:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("a dynamic default value is a string such as 'current-user'")
        return cls(DefaultValueType.DYNAMIC, template)


@frozen
class Relationship:
    """The attribute at the other end of a relationship.

    Attributes:
        id: Which attribute it is.
        object_slug: The object that it belongs to.
        title: Its name for people.
        api_slug: Its slug.
        is_multiselect: Whether it can have several values. With the same of the attribute at this end, it says which
            kind of relationship it is: one to one, many to one, one to many, or many to many.
    """

    id: AttributeId | None = None
    object_slug: str | None = None
    title: str | None = None
    api_slug: str | None = None
    is_multiselect: bool | None = None


@frozen
class CurrencyConfig:
    """How an attribute of type `currency` is set up; of other types, both are None.

    Attributes:
        default_currency_code: The ISO 4217 code of its currency. Attio's list of them grows.
        display_type: How amounts are shown.
    """

    default_currency_code: str | None = None
    display_type: CurrencyDisplay | None = None


@frozen
class RecordReferenceConfig:
    """How an attribute of type `record-reference` is set up.

    Attributes:
        allowed_object_ids: The objects whose records it may refer to; None or none at all is every object.
    """

    allowed_object_ids: tuple[str, ...] | None = None


@frozen
class AttributeConfig:
    """How an attribute is set up, as far as that depends on its type. What is sent is a `ConfigInput`.

    Attributes:
        currency: Of type `currency`.
        record_reference: Of type `record-reference`.
    """

    currency: CurrencyConfig | None = None
    record_reference: RecordReferenceConfig | None = None


@frozen
class Attribute:
    """An attribute of an object or list.

    Attributes:
        id: Which it is.
        title: Its name for people.
        api_slug: Its name in addresses and in replies, unique in its object or list.
        type: What its values are.
        description: What it is for, in the words of whoever made it.
        is_system_attribute: Whether it is Attio's own.
        is_writable: Whether it can be written; what can't is mostly filled in by Attio.
        is_required: Whether new records must have a value.
        is_unique: Whether no two new records may have the same value.
        is_multiselect: Whether it can have several values.
        is_default_value_enabled: Whether it has a default value.
        is_archived: Whether it is archived: hidden, and can be restored.
        default_value: What it has where nobody gives a value.
        relationship: The attribute at the other end, where it is one end of a relationship.
        created_at: When it was made.
        config: How it is set up, as far as that depends on its type.
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
        id: Which it is.
        title: Its name for people.
        is_archived: Whether it is archived.
    """

    id: OptionId
    title: str
    is_archived: bool | None = None


@frozen
class Status:
    """A status of a status attribute.

    Attributes:
        id: Which it is.
        title: Its name for people.
        is_archived: Whether it is archived.
        celebration_enabled: Whether Attio celebrates when something gets there.
        target_time_in_status: How long something is to stay there at most, as an ISO 8601 duration such as `P1D`.
    """

    id: StatusId
    title: str
    is_archived: bool | None = None
    celebration_enabled: bool | None = None
    target_time_in_status: str | None = None
