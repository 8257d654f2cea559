"""Attributes of a user: list, create, acquire and release them."""

from exist_async.attributes.endpoints import Attributes
from exist_async.attributes.models import Attribute, AttributeEcho, AttributeTemplate, Group, Service
from exist_async.attributes.requests import ByName, ByTemplate, CustomAttribute
from exist_async.attributes.value_types import ValueType

__all__ = [
    "Attribute",
    "AttributeEcho",
    "AttributeTemplate",
    "Attributes",
    "ByName",
    "ByTemplate",
    "CustomAttribute",
    "Group",
    "Service",
    "ValueType",
]
