"""The workspace: objects, lists and their attributes."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import uuid4

from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.targets import ObjectOrList, Target

__all__ = ["CURRENCIES", "Workspace"]

_DOCUMENTED_CURRENCIES: Final = """
ARS AUD BRL BGN CAD CLP CNY COP CZK DKK EUR HKD ISK INR ILS JPY KRW MYR MXN NTD NZD NGN NOK XPF PEN PHP PLN GBP RWF SAR
SGD ZAR SEK CHF THB AED UYU USD
"""

CURRENCIES: Final = frozenset(_DOCUMENTED_CURRENCIES.split())
"""The documented currency codes; Attio adds more over time."""


class Workspace:
    """The content of the sandbox; lookups accept a UUID or a slug.

    Attributes:
        id: UUID of the workspace.
        slug: Slug of the workspace, recorded as the user of requests.
        currencies: The currency codes that can be set.
    """

    def __init__(self, now: Callable[[], dt.datetime]) -> None:
        self.id = str(uuid4())
        self.slug = "sandbox"
        self.currencies = set(CURRENCIES)
        self._now = now
        self._attributes: dict[ObjectOrList, list[Attribute]] = {}
        self._timestamps = 0

    @property
    def objects_and_lists(self) -> Sequence[ObjectOrList]:
        """All objects and lists, in the order in which they were added."""
        return list(self._attributes)

    def find_object_or_list(self, target: Target, identifier: str) -> ObjectOrList | None:
        """Return the object or list of this UUID or slug, or None."""
        candidates = [candidate for candidate in self._attributes if candidate.target == target]
        by_id = next((candidate for candidate in candidates if candidate.id == identifier), None)
        return by_id or next((candidate for candidate in candidates if candidate.slug == identifier), None)

    def attributes(self, parent: ObjectOrList) -> Sequence[Attribute]:
        """Return the attributes of an object or list in order of creation, archived ones included."""
        return self._attributes[parent]

    def find_attribute(self, parent: ObjectOrList, identifier: str) -> Attribute | None:
        """Return the attribute of this UUID or slug, archived or not, or None."""
        by_id = next((attribute for attribute in self._attributes[parent] if attribute.id == identifier), None)
        return by_id or self.find_attribute_by_slug(parent, identifier)

    def find_attribute_by_slug(self, parent: ObjectOrList, api_slug: str) -> Attribute | None:
        """Return the attribute of this slug, archived or not, or None."""
        return next((attribute for attribute in self._attributes[parent] if attribute.api_slug == api_slug), None)

    def add_object_or_list(self, target: Target, slug: str) -> ObjectOrList:
        """Add an object or a list without attributes.

        Raises:
            ValueError: The slug is empty, or in use.
        """
        if not slug:
            raise ValueError("slug must not be empty")
        if self.find_object_or_list(target, slug) is not None:
            raise ValueError(f"slug {slug!r} is already in use among the {target}: choose another")
        parent = ObjectOrList(target, str(uuid4()), slug)
        self._attributes[parent] = []
        return parent

    def add_attribute(self, parent: ObjectOrList, *, created_at: str | None = None, **fields: Any) -> Attribute:
        """Add an attribute; its slug must be free. `created_at` defaults to now."""
        created_at = created_at or self._next_timestamp()
        attribute = Attribute(self.id, parent, str(uuid4()), created_at=created_at, **fields)
        self._attributes[parent].append(attribute)
        return attribute

    def _next_timestamp(self) -> str:
        # Attio returns both three and nine fractional digits, so they alternate.
        self._timestamps += 1
        moment = self._now().astimezone(dt.UTC)
        digits = f"{moment.microsecond:06}000" if self._timestamps % 2 else f"{moment.microsecond // 1000:03}"
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{digits}Z"
