"""Response models of attributes. All fields but the name are optional, and fields not listed here are ignored."""

from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from exist_async.attributes.value_types import ValueType


@frozen
class Group:
    """A group of attributes, such as `activity`; `custom` contains the user's own tags.

    Attributes:
        label: Display name.
        priority: Position among the groups; 1 is first.
    """

    name: str
    label: str | None = None
    priority: int | None = None


@frozen
class Service:
    """A service that provides data, such as a fitness tracker's or your own client. Its `label` is its display name."""

    name: str
    label: str | None = None


if TYPE_CHECKING:
    _Owner = Service | None
    _Flag = bool | None
else:
    # In some replies, a service is only its name, or "" for none, and a flag is a string.
    _Owner = Service | str | None
    _Flag = bool | Literal["true", "false"] | None


def _normalize(attribute: Any) -> None:
    """Convert such fields to their proper types after decoding."""
    if attribute.service.__class__ is str:
        object.__setattr__(attribute, "service", Service(attribute.service) if attribute.service else None)
    if attribute.active.__class__ is str:
        object.__setattr__(attribute, "active", attribute.active == "true")


@frozen
class Attribute:
    """An attribute of a user, which has one value a day.

    Attributes:
        name: Name, unique for the user.
        template: Name of the template that it was created from; None for a custom attribute.
        label: Display name.
        group: Group that it belongs to.
        service: Service that owns it, the only one that may write its values; None if there is none.
        active: Whether the user tracks it now. Listings omit inactive attributes by default.
        priority: Position in its group; 1 is first. Listings omit priorities from 10 on by default.
        manual: Whether the user enters it by hand.
        value_type: Type of its values.
        value_type_description: The type in words.
        available_services: The user's services that can provide it.
    """

    name: str
    template: str | None = None
    label: str | None = None
    group: Group | None = None
    service: _Owner = None
    active: _Flag = None
    priority: int | None = None
    manual: bool | None = None
    value_type: ValueType | None = None
    value_type_description: str | None = None
    available_services: tuple[Service, ...] = ()

    __attrs_post_init__ = _normalize


@frozen
class AttributeTemplate:
    """A template defined by Exist, such as `steps`: attributes created from it have the same name for all users.

    The fields have the same meaning as those of `Attribute`.
    """

    name: str
    label: str | None = None
    group: Group | None = None
    priority: int | None = None
    value_type: ValueType | None = None
    value_type_description: str | None = None


@frozen
class AttributeEcho:
    """The fields of an item that Exist repeats in its reply, if it does not send whole attributes.

    Which fields are present depends on the request; the others are None.
    """

    name: str | None = None
    template: str | None = None
    label: str | None = None
    group: Group | str | None = None
    service: _Owner = None
    active: _Flag = None
    priority: int | None = None
    manual: bool | None = None
    value_type: ValueType | None = None

    __attrs_post_init__ = _normalize
