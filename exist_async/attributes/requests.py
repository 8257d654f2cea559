"""What is asked of Exist about attributes, one item each."""

from collections.abc import Hashable
from typing import TypeAlias

from attrs import field, frozen
from attrs.validators import optional

from exist_async._checks import check_int, is_flag, is_text, plain_string
from exist_async.attributes.models import Attribute, AttributeEcho
from exist_async.attributes.value_types import ValueType
from exist_async.batch.replies import Failure, Subject
from exist_async.errors import ConfigurationError


def _value_type(value: int) -> ValueType:
    check_int("value_type", value, least=0)
    value_type = ValueType(value)
    if value_type is ValueType.TIME_FROM_MIDDAY:
        raise ConfigurationError("value_type 6 (time from midday) is for templates alone: it can't be created")
    return value_type


@frozen
class ByTemplate:
    """An attribute by its template, such as `steps`. Acquiring it creates it where the user lacks it.

    Attributes:
        template: The template's name.
        manual: Whether the user enters it by hand. Exist's default on creation is True, which shows it for hand entry:
            a service that provides the data wants False.
    """

    template: str = field(converter=plain_string, validator=is_text)
    manual: bool | None = field(default=None, validator=optional(is_flag))


@frozen
class ByName:
    """An attribute that the user has, by its name. Acquiring it takes it as it is, of whatever type.

    Attributes:
        name: The attribute's name.
        manual: Whether the user enters it by hand; None leaves that as it is.
    """

    name: str = field(converter=plain_string, validator=is_text)
    manual: bool | None = field(default=None, validator=optional(is_flag))


@frozen
class CustomAttribute:
    """A new attribute that has no template. Exist makes its name from the label: read it from the answer.

    Attributes:
        label: Its name for people.
        group: The group it belongs to, such as `health`; those of `custom` are tags, and boolean.
        value_type: What its values are: any ValueType but TIME_FROM_MIDDAY.
        manual: Whether the user enters it by hand. Exist's default is True: a service that provides data wants False.
    """

    label: str = field(converter=plain_string, validator=is_text)
    group: str = field(converter=plain_string, validator=is_text)
    value_type: ValueType = field(converter=_value_type)
    manual: bool | None = field(default=None, validator=optional(is_flag))


Creatable: TypeAlias = ByTemplate | CustomAttribute
Acquirable: TypeAlias = ByTemplate | ByName
Ensurable: TypeAlias = ByTemplate | ByName | CustomAttribute


def creatable(item: object) -> Creatable:
    """Make the request for creating what a caller gave."""
    if isinstance(item, ByTemplate | CustomAttribute):
        return item
    if isinstance(item, str):
        return ByTemplate(item)
    raise ConfigurationError(f"a template's name, ByTemplate or CustomAttribute can be created, not {_kind(item)}")


def acquirable(item: object) -> Acquirable:
    """Make the request for acquiring what a caller gave. A string is a template, so that it takes no other type."""
    if isinstance(item, ByTemplate | ByName):
        return item
    if isinstance(item, str):
        return ByTemplate(item)
    if isinstance(item, CustomAttribute):
        raise ConfigurationError("a CustomAttribute is created; to create or else acquire it, use ensure()")
    raise ConfigurationError(f"a template's name, ByTemplate or ByName can be acquired, not {_kind(item)}")


def releasable(item: object) -> ByName:
    """Make the request for releasing what a caller gave."""
    if isinstance(item, ByName | Attribute):
        return ByName(item.name)
    if isinstance(item, str):
        return ByName(item)
    raise ConfigurationError(f"an attribute's name, ByName or Attribute can be released, not {_kind(item)}")


def ensurable(item: object) -> Ensurable:
    """Make the request for owning what a caller gave, one way or another."""
    return item if isinstance(item, CustomAttribute) else acquirable(item)


def subject(item: Ensurable) -> Subject:
    """Say what an item is about."""
    if isinstance(item, ByTemplate):
        return ("template", item.template)
    if isinstance(item, ByName):
        return ("name", item.name)
    return ("label", same_label(item.label))


def thing(item: Ensurable) -> Hashable:
    """Say what an item changes; what is about one word may be about one attribute."""
    return subject(item)[1]


def subjects_of(entry: Attribute | AttributeEcho | Failure, _wanted: object) -> list[Subject]:
    """Say what an entry of a reply may be about: it has a name and a label, and was perhaps asked for by template."""
    subjects: list[Subject] = []
    if isinstance(entry.template, str):
        subjects.append(("template", entry.template))
    if isinstance(entry.name, str):
        subjects.append(("name", entry.name))
        if entry.template is None and not isinstance(entry, Attribute):
            # What was acquired by template is at times answered with its name alone, which is the same word.
            subjects.append(("template", entry.name))
    if isinstance(entry.label, str):
        subjects.append(("label", same_label(entry.label)))
    if isinstance(entry, Failure) and isinstance(entry.title, str):
        subjects += [("template", entry.title), ("name", entry.title), ("label", same_label(entry.title))]
    return subjects


def same_label(label: str) -> str:
    """Return what two labels have in common that a person would call the same."""
    return " ".join(label.split()).casefold()


def _kind(item: object) -> str:
    return type(item).__name__
