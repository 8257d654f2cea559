"""The workspace: its objects and lists, and the attributes of each."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import uuid4

from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.holders import Holder, Target

__all__ = ["CURRENCIES", "Workspace"]

_DOCUMENTED: Final = """
ARS AUD BRL BGN CAD CLP CNY COP CZK DKK EUR HKD ISK INR ILS JPY KRW MYR MXN NTD NZD NGN NOK XPF PEN PHP PLN GBP RWF SAR
SGD ZAR SEK CHF THB AED UYU USD
"""

CURRENCIES: Final = frozenset(_DOCUMENTED.split())
"""The currencies of the documentation; Attio adds more over time."""


class Workspace:
    """Everything there is, found by UUID or by slug.

    Attributes:
        id: The UUID of the workspace.
        slug: Its name, which is whom a token speaks for.
        currencies: The currency codes that are known.
    """

    def __init__(self, now: Callable[[], dt.datetime]) -> None:
        self.id = str(uuid4())
        self.slug = "sandbox"
        self.currencies = set(CURRENCIES)
        self._now = now
        self._attributes: dict[Holder, list[Attribute]] = {}
        self._created = 0

    def holder(self, target: Target, identifier: str) -> Holder | None:
        """Return the object or list of this UUID or slug, or None."""
        of_target = [holder for holder in self._attributes if holder.target == target]
        by_id = next((holder for holder in of_target if holder.id == identifier), None)
        return by_id or next((holder for holder in of_target if holder.slug == identifier), None)

    def attributes(self, holder: Holder) -> Sequence[Attribute]:
        """Return the attributes of an object or list in the order of their creation, archived ones included."""
        return self._attributes[holder]

    def attribute(self, holder: Holder, identifier: str) -> Attribute | None:
        """Return the attribute of this UUID or slug, archived or not, or None."""
        attributes = self._attributes[holder]
        by_id = next((attribute for attribute in attributes if attribute.id == identifier), None)
        return by_id or self.slugged(holder, identifier)

    def slugged(self, holder: Holder, api_slug: str) -> Attribute | None:
        """Return the attribute of this slug, archived or not, or None."""
        return next((attribute for attribute in self._attributes[holder] if attribute.api_slug == api_slug), None)

    def add_holder(self, target: Target, slug: str) -> Holder:
        """Add an object or a list without attributes.

        Raises:
            ValueError: The slug is empty, or taken.
        """
        if not slug:
            raise ValueError("A slug can't be empty")
        if self.holder(target, slug) is not None:
            raise ValueError(f"There is {slug!r} among the {target} already")
        holder = Holder(target, str(uuid4()), slug)
        self._attributes[holder] = []
        return holder

    def add_attribute(self, holder: Holder, *, created_at: str | None = None, **fields: Any) -> Attribute:
        """Add an attribute whose slug is free; it is created now unless it is said otherwise."""
        attribute = Attribute(self.id, holder, str(uuid4()), created_at=created_at or self._stamp(), **fields)
        self._attributes[holder].append(attribute)
        return attribute

    def _stamp(self) -> str:
        # By turns, because Attio is seen to write both: three digits and nine.
        self._created += 1
        moment = self._now().astimezone(dt.UTC)
        digits = f"{moment.microsecond:06}000" if self._created % 2 else f"{moment.microsecond // 1000:03}"
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{digits}Z"
