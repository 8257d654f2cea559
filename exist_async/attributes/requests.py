"""The request models of attributes, and the keys by which replies are matched with them."""

import unicodedata
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import TypeAlias

from attrs import field, frozen
from attrs.validators import optional

from exist_async._checks import check_int, is_flag, is_text, plain_string, wrong_type
from exist_async.attributes.models import Attribute, AttributeEcho
from exist_async.attributes.value_types import ValueType
from exist_async.batch.matching import FailedEntry, MatchKey
from exist_async.errors import ConfigurationError

# Variation selectors, direction marks, and characters without width that separate or join nothing visibly. The joiners
# U+200C and U+200D and the tags of flags are not among them: they change what is shown.
_INVISIBLE = dict.fromkeys(
    code
    for first, last in (
        (0x00AD, 0x00AD),
        (0x034F, 0x034F),
        (0x061C, 0x061C),
        (0x180B, 0x180F),
        (0x200B, 0x200B),
        (0x200E, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x2064),
        (0x2066, 0x2069),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
        (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)


def _label(value: str) -> str:
    # Composed, as web forms write it: file names of macOS are decomposed, and Exist may compare labels literally.
    return unicodedata.normalize("NFC", plain_string(value)) if isinstance(value, str) else value  # pyright: ignore[reportUnnecessaryIsInstance]


def _value_type(value: int) -> ValueType:
    check_int("value_type", value, least=0)
    value_type = ValueType(value)
    if value_type is ValueType.TIME_FROM_MIDDAY:
        raise ConfigurationError("value_type 6 (time from midday) exists for templates only: choose another")
    return value_type


@frozen
class ByTemplate:
    """An attribute by its template, such as `steps`. Acquiring it creates it if the user does not have it.

    Attributes:
        template: The template's name.
        manual: Whether the user enters it by hand. Exist's default on creation is True, which offers it for manual
            entry: a service that provides the data should give False.
    """

    template: str = field(converter=plain_string, validator=is_text)
    manual: bool | None = field(default=None, validator=optional(is_flag))


@frozen
class ByName:
    """An attribute that the user has, by its name. It is acquired whatever its value type is.

    Attributes:
        name: The attribute's name.
        manual: Whether the user enters it by hand; None does not change it.
    """

    name: str = field(converter=plain_string, validator=is_text)
    manual: bool | None = field(default=None, validator=optional(is_flag))


@frozen
class CustomAttribute:
    """A new attribute without a template. Exist derives its name from the label: read the name from the outcome.

    Attributes:
        label: Display name; converted to composed characters (Unicode NFC).
        group: Group that it belongs to, such as `health`. Attributes of `custom` are tags, and boolean.
        value_type: Type of its values: any ValueType except TIME_FROM_MIDDAY.
        manual: Whether the user enters it by hand. Exist's default is True: a service that provides the data should
            give False.
    """

    label: str = field(converter=_label, validator=is_text)
    group: str = field(converter=plain_string, validator=is_text)
    value_type: ValueType = field(converter=_value_type)
    manual: bool | None = field(default=None, validator=optional(is_flag))


Creatable: TypeAlias = ByTemplate | CustomAttribute
Acquirable: TypeAlias = ByTemplate | ByName
Ensurable: TypeAlias = ByTemplate | ByName | CustomAttribute


def to_creatable(item: object) -> Creatable:
    """Return the request model for an item to create."""
    if isinstance(item, ByTemplate | CustomAttribute):
        return item
    if isinstance(item, str):
        return ByTemplate(item)
    raise wrong_type("an item to create", "a template's name, a ByTemplate or a CustomAttribute", item)


def to_acquirable(item: object) -> Acquirable:
    """Return the request model for an item to acquire. A string is a template, whose value type is known."""
    if isinstance(item, ByTemplate | ByName):
        return item
    if isinstance(item, str):
        return ByTemplate(item)
    if isinstance(item, CustomAttribute):
        raise ConfigurationError("a CustomAttribute can't be acquired: use create(), or ensure() if it may exist")
    raise wrong_type("an item to acquire", "a template's name, a ByTemplate or a ByName", item)


def to_releasable(item: object) -> ByName:
    """Return the request model for an item to release."""
    if isinstance(item, ByName | Attribute):
        return ByName(item.name)
    if isinstance(item, str):
        return ByName(item)
    raise wrong_type("an item to release", "an attribute's name, a ByName or an Attribute", item)


def to_ensurable(item: object) -> Ensurable:
    """Return the request model for an item to ensure."""
    return item if isinstance(item, CustomAttribute) else to_acquirable(item)


def match_key(item: Ensurable) -> MatchKey:
    """Return the key that identifies an item in a reply."""
    if isinstance(item, ByTemplate):
        return ("template", item.template)
    if isinstance(item, ByName):
        return ("name", item.name)
    return ("label", comparable_label(item.label))


def conflict_key(item: Ensurable) -> Hashable:
    """Return the key of what an item changes; an equal name and template are taken for the same attribute."""
    return match_key(item)[1]


def match_keys_of(
    entries: Iterable[Attribute | AttributeEcho | FailedEntry], _wanted: object
) -> Sequence[Collection[MatchKey]]:
    """Return the keys of the items that each entry of a reply may answer: by template, name and label."""
    return list(map(_keys_of, entries))


def _keys_of(entry: Attribute | AttributeEcho | FailedEntry) -> list[MatchKey]:
    keys: list[MatchKey] = []
    if isinstance(entry.template, str):
        keys.append(("template", entry.template))
    if isinstance(entry.name, str):
        keys.append(("name", entry.name))
        if entry.template is None and not isinstance(entry, Attribute):
            # The reply to an item acquired by template may have only its name, which is equal to the template's.
            keys.append(("template", entry.name))
    if isinstance(entry.label, str):
        keys.append(("label", comparable_label(entry.label)))
    if isinstance(entry, FailedEntry) and isinstance(entry.title, str):
        keys += [("template", entry.title), ("name", entry.title), ("label", comparable_label(entry.title))]
    return keys


def comparable_label(label: str) -> str:
    """Return a label in a form for comparison: without differences that can't be seen, and those in case and spaces."""
    if not label.isascii():
        # Decomposed first, because case folding does not keep all characters composed or decomposed as they were.
        label = unicodedata.normalize("NFD", label.translate(_INVISIBLE))
    folded = " ".join(label.split()).casefold()
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)
