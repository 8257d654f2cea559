"""Finds the attributes that a command line names, and suggests others for those that are not there."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from exist_async.attributes import Attribute

_MOST_SUGGESTIONS: Final = 3


def find_attributes(names: Sequence[str], attributes: Sequence[Attribute]) -> tuple[Sequence[Attribute], Sequence[str]]:
    """Return the attributes that are named, in this order and each once, and the names that no attribute has."""
    by_name = {attribute.name: attribute for attribute in attributes}
    wanted = list(dict.fromkeys(names))
    return [by_name[name] for name in wanted if name in by_name], [name for name in wanted if name not in by_name]


def suggest_names(name: str, attributes: Sequence[Attribute]) -> Sequence[str]:
    """Return names of attributes that may be meant: similar ones, or ones whose label is similar. The best is first."""
    candidates: dict[str, str] = {}
    for attribute in attributes:
        for text in (attribute.name, attribute.label or ""):
            candidates.setdefault(_simplify(text), attribute.name)
    candidates.pop("", None)
    simple = _simplify(name)
    close = get_close_matches(simple, candidates, n=_MOST_SUGGESTIONS, cutoff=0.7)
    longer = [each for each in candidates if simple and simple in each]
    found = dict.fromkeys(candidates[each] for each in (*close, *longer))
    return list(found)[:_MOST_SUGGESTIONS]


def describe_unknown(name: str, attributes: Sequence[Attribute], place: str) -> str:
    """Return the message that an attribute does not exist.

    Args:
        name: The name that was given.
        attributes: The attributes that exist.
        place: The rest of the sentence about where it is not, such as "is not in exist.db".
    """
    suggested = suggest_names(name, attributes)
    hint = f". Did you mean {' or '.join(suggested)}?" if suggested else ""
    return f"attribute {name!r} {place}{hint}"


def _simplify(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
