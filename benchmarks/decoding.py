"""CPU time of decoding a page into models."""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pydantic

from benchmarks import replies
from benchmarks.peer_models import PageModel, PageStruct, ValuesPageModel, ValuesPageStruct
from benchmarks.report import OURS, Comparison, Target
from benchmarks.turns import by_turns
from exist_async import Attribute, AttributeWithValues
from exist_async._json import decode
from exist_async.paging import PageBody

if TYPE_CHECKING:
    from benchmarks.server import Origins

_PYDANTIC: Final = "pydantic"
_MSGSPEC: Final = "msgspec structs"
_TURNS: Final = 25
_SECONDS: Final = 0.02
_DAYS: Final = 31


def run(_origins: "Origins") -> list[Comparison]:
    """Measure the CPU time of decoding the same bytes."""
    attributes = _compare("a page of 100 attributes", replies.page(1, 100), PageModel, PageStruct, PageBody[Attribute])
    values = _compare(
        "a page of 3,100 values",
        replies.values_page("2026-11-20", _DAYS, 1, 100),
        ValuesPageModel,
        ValuesPageStruct,
        PageBody[AttributeWithValues],
    )
    # From 3.12 on an attrs class and a class of pydantic's cost more alike.
    of_attributes = 0.3 if sys.version_info < (3, 12) else 0.5
    return [
        Comparison(*attributes, _PYDANTIC, [Target(of_attributes, _PYDANTIC)]),
        Comparison(*values, _PYDANTIC, [Target(0.3, _PYDANTIC), Target(1.4, _MSGSPEC)]),
    ]


def _compare(
    what: str, body: bytes, model: type[pydantic.BaseModel], struct: type[msgspec.Struct], own: type[Any]
) -> tuple[str, str, dict[str, list[float]]]:
    structs = msgspec.json.Decoder(struct)
    decoders: dict[str, Callable[[], Any]] = {
        _PYDANTIC: lambda: model.model_validate_json(body),
        _MSGSPEC: lambda: structs.decode(body),
        "json.loads, no models": lambda: json.loads(body),
        OURS: lambda: decode(body, own),
    }
    samples = by_turns({name: partial(_cpu, decode) for name, decode in decoders.items()}, _TURNS)
    return f"CPU of decoding {what}, {len(body) / 1000:.0f} kB", "microseconds", samples


def _cpu(decode: Callable[[], Any]) -> float:
    start = time.process_time()
    times = 0
    while (took := time.process_time() - start) < _SECONDS:
        decode()
        times += 1
    return took / times * 1e6
