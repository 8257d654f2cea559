"""Configs: what a config sets on an attribute; the part for another type than the attribute's changes nothing."""

from collections.abc import Mapping
from typing import Any

from exist_async.sandbox.attio.attributes import Attribute

__all__ = ["configure"]


def configure(attribute: Attribute, config: Mapping[str, Any]) -> None:
    """Set what the config has for the type of the attribute; what it does not have stays."""
    currency = config.get("currency")
    if currency is not None and attribute.type == "currency":
        attribute.default_currency_code = currency["default_currency_code"]
        attribute.display_type = currency["display_type"]
    reference = config.get("record_reference")
    if reference is not None and attribute.type == "record-reference":
        attribute.allowed_object_ids = [holder.id for holder in reference["allowed_objects"]]
