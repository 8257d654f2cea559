"""The models that one writes for pydantic and for msgspec, with the fields and types of this package's own.

Exist's `""` for no service and `"true"` for true are not provided for, which spares pydantic two wider unions.
"""

import datetime as dt

import msgspec
import pydantic

from exist_async import ValueType


class GroupModel(pydantic.BaseModel, frozen=True):
    """A group, for pydantic."""

    name: str
    label: str | None = None
    priority: int | None = None


class ServiceModel(pydantic.BaseModel, frozen=True):
    """A service, for pydantic."""

    name: str
    label: str | None = None


class AttributeModel(pydantic.BaseModel, frozen=True):
    """An attribute, for pydantic. The value type is the same open enum."""

    name: str
    template: str | None = None
    label: str | None = None
    group: GroupModel | None = None
    service: ServiceModel | None = None
    active: bool | None = None
    priority: int | None = None
    manual: bool | None = None
    value_type: ValueType | None = None
    value_type_description: str | None = None
    available_services: tuple[ServiceModel, ...] = ()


class DayModel(pydantic.BaseModel, frozen=True):
    """A value of a day, for pydantic."""

    date: dt.date
    value: int | float | str | bool | None = None


class AttributeWithValuesModel(AttributeModel, frozen=True):
    """An attribute with its values, for pydantic."""

    values: tuple[DayModel, ...] = ()


class PageModel(pydantic.BaseModel, frozen=True):
    """A page of attributes, for pydantic."""

    results: tuple[AttributeModel, ...]
    count: int | None = None
    next: str | None = None


class ValuesPageModel(pydantic.BaseModel, frozen=True):
    """A page of attributes with their values, for pydantic."""

    results: tuple[AttributeWithValuesModel, ...]
    count: int | None = None
    next: str | None = None


class WrittenModel(pydantic.BaseModel, frozen=True):
    """The reply to a write, for pydantic."""

    success: tuple[AttributeModel, ...] = ()
    failed: tuple[dict[str, object], ...] = ()


class GroupStruct(msgspec.Struct, frozen=True):
    """A group, for msgspec."""

    name: str
    label: str | None = None
    priority: int | None = None


class ServiceStruct(msgspec.Struct, frozen=True):
    """A service, for msgspec."""

    name: str
    label: str | None = None


class AttributeStruct(msgspec.Struct, frozen=True):
    """An attribute, for msgspec."""

    name: str
    template: str | None = None
    label: str | None = None
    group: GroupStruct | None = None
    service: ServiceStruct | None = None
    active: bool | None = None
    priority: int | None = None
    manual: bool | None = None
    value_type: ValueType | None = None
    value_type_description: str | None = None
    available_services: tuple[ServiceStruct, ...] = ()


class DayStruct(msgspec.Struct, frozen=True):
    """A value of a day, for msgspec."""

    date: dt.date
    value: int | float | str | bool | None = None


class AttributeWithValuesStruct(AttributeStruct, frozen=True):
    """An attribute with its values, for msgspec."""

    values: tuple[DayStruct, ...] = ()


class PageStruct(msgspec.Struct, frozen=True):
    """A page of attributes, for msgspec."""

    results: tuple[AttributeStruct, ...]
    count: int | None = None
    next: str | None = None


class ValuesPageStruct(msgspec.Struct, frozen=True):
    """A page of attributes with their values, for msgspec."""

    results: tuple[AttributeWithValuesStruct, ...]
    count: int | None = None
    next: str | None = None
