"""How much CPU does it cost to make models of a page of 100 attributes?"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
import pydantic

from benchmarks.report import OURS, Comparison
from benchmarks.server import Origins, page
from benchmarks.turns import by_turns
from exist_async import Attribute, ValueType
from exist_async._http.converter import converter
from exist_async.paging import PageBody

_PYDANTIC: Final = "pydantic"
_DECODINGS: Final = 50
_TURNS: Final = 25


class GroupModel(pydantic.BaseModel, frozen=True):
    """A group as one writes it for pydantic."""

    name: str
    label: str | None = None
    priority: int | None = None


class ServiceModel(pydantic.BaseModel, frozen=True):
    """A service as one writes it for pydantic."""

    name: str
    label: str | None = None


class AttributeModel(pydantic.BaseModel, frozen=True):
    """An attribute as one writes it for pydantic: the fields and types of `exist_async.Attribute`.

    The value type is the same open enum. Exist's `""` for no service is not provided for, which spares pydantic a
    wider union.
    """

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


class PageModel(pydantic.BaseModel, frozen=True):
    """A page as one writes it for pydantic."""

    results: tuple[AttributeModel, ...]
    count: int | None = None
    next: str | None = None


class GroupStruct(msgspec.Struct, frozen=True):
    """A group as one writes it for msgspec."""

    name: str
    label: str | None = None
    priority: int | None = None


class ServiceStruct(msgspec.Struct, frozen=True):
    """A service as one writes it for msgspec."""

    name: str
    label: str | None = None


class AttributeStruct(msgspec.Struct, frozen=True):
    """An attribute as one writes it for msgspec, with the same fields and types again."""

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


class PageStruct(msgspec.Struct, frozen=True):
    """A page as one writes it for msgspec."""

    results: tuple[AttributeStruct, ...]
    count: int | None = None
    next: str | None = None


def run(_origins: Origins) -> list[Comparison]:
    """Measure the CPU time of decoding the same bytes."""
    body = page(1, 100)
    structs = msgspec.json.Decoder(PageStruct)
    decoders: dict[str, Callable[[], Any]] = {
        _PYDANTIC: lambda: PageModel.model_validate_json(body),
        "msgspec structs": lambda: structs.decode(body),
        "json.loads, no models": lambda: json.loads(body),
        OURS: lambda: converter.loads(body, PageBody[Attribute]),
    }
    samples = by_turns({name: partial(_cpu, decode) for name, decode in decoders.items()}, _TURNS)
    question = f"CPU of decoding a page of 100 attributes, {len(body) / 1000:.0f} kB"
    target = 0.3 if sys.version_info < (3, 12) else 0.5
    note = "All three kinds of models have the same fields, and the same open enum of value types."
    return [Comparison(question, "microseconds", samples, _PYDANTIC, target, note)]


def _cpu(decode: Callable[[], Any]) -> float:
    start = time.process_time()
    for _ in range(_DECODINGS):
        decode()
    return (time.process_time() - start) / _DECODINGS * 1e6
