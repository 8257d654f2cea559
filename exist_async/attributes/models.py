"""What Exist says about attributes.

Only an attribute's name is sure to be there. Fields that Exist adds are ignored until they are named here.
"""

from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from exist_async.attributes.value_types import ValueType


@frozen
class Group:
    """A group of attributes, such as `activity`; `custom` holds the user's own tags.

    Attributes:
        name: Its name.
        label: Its name for people.
        priority: Where it stands when groups are listed; 1 is first.
    """

    name: str
    label: str | None = None
    priority: int | None = None


@frozen
class Service:
    """A service that provides data, such as a fitness tracker's or your own client.

    Attributes:
        name: Its name.
        label: Its name for people.
    """

    name: str
    label: str | None = None


if TYPE_CHECKING:
    _Owner = Service | None
    _Flag = bool | None
else:
    # In some replies a service is its name alone, "" where there is none, and a flag is a string.
    _Owner = Service | str | None
    _Flag = bool | Literal["true", "false"] | None


def _put_right(attribute: Any) -> None:
    """Turn what those replies say into what it means, right after reading."""
    if attribute.service.__class__ is str:
        object.__setattr__(attribute, "service", Service(attribute.service) if attribute.service else None)
    if attribute.active.__class__ is str:
        object.__setattr__(attribute, "active", attribute.active == "true")


@frozen
class Attribute:
    """Something that is tracked of a user, once a day.

    Attributes:
        name: Its name, unique for the user.
        template: The template it was made from; None for a custom attribute.
        label: Its name for people.
        group: The group it belongs to.
        service: The service that owns it, and alone may write it; None where nobody does.
        active: Whether the user tracks it now. Listings hide inactive ones unless asked.
        priority: Where it stands in its group; 1 is first. Listings hide those from 10 on unless asked.
        manual: Whether the user enters it by hand.
        value_type: What its values are.
        value_type_description: The same in words.
        available_services: The user's services that could provide it.
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

    __attrs_post_init__ = _put_right


@frozen
class AttributeTemplate:
    """A kind of attribute that Exist knows, with the same name for all users.

    Attributes:
        name: Its name, such as `steps`.
        label: Its name for people.
        group: The group its attributes belong to.
        priority: Where it stands in its group. The listing hides those from 10 on unless asked.
        value_type: What its values are.
        value_type_description: The same in words.
    """

    name: str
    label: str | None = None
    group: Group | None = None
    priority: int | None = None
    value_type: ValueType | None = None
    value_type_description: str | None = None


@frozen
class AttributeEcho:
    """What Exist repeats of a request about an attribute, when it does not answer whole attributes.

    Which fields are there depends on the request; those that are not are None.
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

    __attrs_post_init__ = _put_right
