"""Decodes JSON into models and encodes models as JSON, with msgspec for the types it supports and cattrs for others.

Both ways are strict: 7 is not accepted as a string, nor "7" as a number.
"""

import gc
import json
import sys
from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs

from exist_async.errors import ConfigurationError

if TYPE_CHECKING:
    from cattrs.preconf.msgspec import MsgspecJsonConverter

T = TypeVar("T")

ANYTHING = cast("type[Any]", Any)
"""For replies without a model: they are decoded into dictionaries, lists, strings and numbers."""

# Before Python 3.12, the garbage collector runs many times during a large decode, and finds no garbage.
_COLLECTS_WHILE_DECODING = sys.version_info < (3, 12)
_LARGE = 32_000  # bytes

_decoders: dict[Any, Callable[[bytes], Any]] = {}


class UnreadableError(ValueError):
    """Raised when bytes are not JSON, or don't have the model's shape. The message names the place."""


def decode(data: bytes, model: type[T]) -> T:
    """Decode JSON into a model, or raise UnreadableError."""
    decoder = _decoders.get(model) or _decoder_for(model)
    pausing = _COLLECTS_WHILE_DECODING and len(data) > _LARGE and gc.isenabled()
    try:
        if pausing:
            gc.disable()
        value: T = decoder(data)
    except _decoding_errors() as error:
        raise UnreadableError(str(error)) from error
    finally:
        if pausing:
            gc.enable()
    return value


def encode(value: object) -> bytes:
    """Encode a model, or plain data, as JSON. Fields at their defaults are left out."""
    return _encoder()(converter().unstructure(value))


def encode_each(models: Iterable[object]) -> bytes:
    """Encode models as a JSON array, twice as fast as encoding the list as one value."""
    hook_for = converter().get_unstructure_hook
    return _encoder()([hook_for(type(model))(model) for model in models])


def encode_argument(name: str, value: object) -> bytes:
    """Encode a caller's argument; raise ConfigurationError for what JSON can't hold, such as NaN."""
    try:
        # msgspec would write NaN as null.
        text = json.dumps(converter().unstructure(value), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{name} can't be written as JSON: {error}") from error


def is_ready() -> bool:
    """Whether `prepare` has run."""
    return converter.cache_info().currsize > 0


def prepare() -> None:
    """Import cattrs and msgspec, which takes as long as importing the rest of this package."""
    converter()
    _encoder()


@cache
def converter() -> "MsgspecJsonConverter":
    """Return the package's cattrs converter; it is created at first use, because importing cattrs is slow."""
    import msgspec
    from cattrs.gen import make_dict_unstructure_fn
    from cattrs.preconf.msgspec import make_converter

    new = make_converter(omit_if_default=True)
    for leaf in (str, int, float, bool, date, datetime):
        new.register_structure_hook(leaf, msgspec.convert)

    def omitting_defaults(cls: type[Any]) -> Callable[[Any], dict[str, Any]]:
        return make_dict_unstructure_fn(cls, new, _cattrs_omit_if_default=True)

    # A field that was left at its default is not sent: services distinguish null from a field that is not there.
    new.register_unstructure_hook_factory(attrs.has, omitting_defaults)
    return new


@cache
def _encoder() -> Callable[[object], bytes]:
    import msgspec

    return msgspec.json.Encoder(enc_hook=_date_subclass).encode


def _decoder_for(model: type[Any]) -> Callable[[bytes], Any]:
    """Create the decoder of a model, and store it for the next time."""
    import msgspec

    def by_hook(cls: type[Any], value: object) -> object:
        return converter().structure(value, cls)

    # msgspec builds models directly from bytes, four times as fast as cattrs does from dictionaries. It calls the hook
    # for types that it doesn't support, anywhere in the reply.
    decoder = _decoders[model] = msgspec.json.Decoder(model, dec_hook=by_hook).decode
    return decoder


@cache
def _decoding_errors() -> tuple[type[Exception], ...]:
    import msgspec
    from cattrs.errors import BaseValidationError

    # UnicodeError is a ValueError; deeply nested brackets raise RecursionError.
    return (msgspec.MsgspecError, BaseValidationError, ValueError, TypeError, RecursionError)


def _date_subclass(value: object) -> str:
    """Encode a date of another library's class, which msgspec does not support."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")
