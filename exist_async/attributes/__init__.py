"""Attributes: what is tracked of a user, and which service owns it."""

from exist_async.attributes.endpoints import Attributes
from exist_async.attributes.models import Attribute, AttributeEcho, AttributeTemplate, Group, Service, ValueType
from exist_async.attributes.requests import ByName, ByTemplate, CustomAttribute

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
