"""Decodes JSON into models and encodes models as JSON, with msgspec for the types it supports and cattrs for others.

Both ways are strict: 7 is not accepted as a string, nor "7" as a number. A reply that can't be decoded so is decoded
leniently: fields that are not essential are left out where they have another type than the model's.
"""

import gc
import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import attrs

from exist_async.errors import ConfigurationError

if TYPE_CHECKING:
    import msgspec
    from cattrs.preconf.msgspec import MsgspecJsonConverter

T = TypeVar("T")

ANYTHING = cast("type[Any]", Any)
"""For replies without a model: they are decoded into dictionaries, lists, strings and numbers."""

ESSENTIAL: Final = {"exist_async": "essential"}
"""Metadata of fields that have a default for replies without them, but must not be left out if they can't be read."""

# The limits of lenient decoding, which takes a hundred times as long as strict decoding: at most a tenth of a second.
_MOST_LENIENT = 1_048_576  # bytes
_MOST_ELEMENTS = 10_000  # of one list
_MOST_DEVIATIONS = 10_000

# An escaped character in JSON; half of a surrogate pair, such as an emoji that was cut in two, is in group 1.
_ESCAPED = re.compile(
    r"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|.)", re.DOTALL
)
_DATE_WITH_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ]\d")

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


def decode_leniently(data: bytes, model: type[T], error: UnreadableError) -> tuple[T, Sequence[str]]:
    """Decode JSON that `decode` refused with an error into a model, and return it with the places that were left out.

    A field with a default gets it if it can't be read, unless it is `ESSENTIAL`; such a field that is a tuple is read
    without the elements that can't. A date may have a time. NaN and infinities are null.

    Raises:
        UnreadableError: It is not JSON, something essential can't be read, or there is too much.
    """
    if len(data) > _MOST_LENIENT:
        raise error
    try:
        text = _ESCAPED.sub(lambda found: r"\ufffd" if found[1] else found[0], data.decode("utf-8-sig"))
        document = json.loads(text, parse_constant=lambda _: None, parse_float=_finite_or_none)
    except (ValueError, RecursionError):
        raise error from None
    decoding = _LenientDecoding()
    return decoding.convert_parts(document, model, "$", str(error)), decoding.left_out


def encode(value: object) -> bytes:
    """Encode a model, or plain data, as JSON. Fields at their defaults are left out."""
    return _encoder()(converter().unstructure(value))


def encode_each(models: Iterable[object]) -> bytes:
    """Encode models as a JSON array, twice as fast as encoding the list as one value."""
    hook_for = converter().get_unstructure_hook
    return _encoder()([hook_for(type(model))(model) for model in models])


def encode_lines(values: Sequence[object]) -> bytes:
    """Encode plain data as JSON lines, of which each ends with a line break."""
    return _json_encoder().encode_lines(values)


def plain(model: object) -> Any:
    """Return a model as plain data, without the fields at their defaults."""
    return converter().unstructure(model)


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
    return _json_encoder().encode


@cache
def _json_encoder() -> "msgspec.json.Encoder":
    import msgspec

    return msgspec.json.Encoder(enc_hook=_date_subclass)


def _decoder_for(model: type[Any]) -> Callable[[bytes], Any]:
    """Create the decoder of a model, and store it for the next time."""
    import msgspec

    # msgspec builds models directly from bytes, four times as fast as cattrs does from dictionaries. It calls the hook
    # for types that it doesn't support, anywhere in the reply.
    decoder = _decoders[model] = msgspec.json.Decoder(model, dec_hook=_structure).decode
    return decoder


def _structure(cls: type[Any], value: object) -> object:
    return converter().structure(value, cls)


class _LenientDecoding:
    """The lenient decoding of one document.

    Attributes:
        left_out: The places of the fields and elements that were left out, such as `$.results[1].priority`.
    """

    def __init__(self) -> None:
        self.left_out: list[str] = []
        self._deviations = 0

    def convert(self, value: Any, model: Any, place: str, *, skipping: bool = False) -> Any:
        """Convert plain data into a model; `skipping` leaves out elements of a tuple that can't be read."""
        import msgspec

        if isinstance(value, list) and len(value) > _MOST_ELEMENTS:  # pyright: ignore[reportUnknownArgumentType]
            raise _unreadable("Too many elements", place)
        try:
            return msgspec.convert(value, model, dec_hook=_structure)
        except _decoding_errors() as error:
            reason = str(error).partition(" - at `")[0]
        self._deviations += 1
        if self._deviations > _MOST_DEVIATIONS:
            raise _unreadable("Too many fields of another type than expected", place)
        return self.convert_parts(value, model, place, reason, skipping=skipping)

    def convert_parts(self, value: Any, model: Any, place: str, reason: str, *, skipping: bool = False) -> Any:
        """Convert, part by part, plain data that can't be converted as a whole for a reason."""
        options = get_args(model) if get_origin(model) in (Union, UnionType) else (model,)
        for option in options:
            kind = get_origin(option) or option
            if isinstance(value, dict) and attrs.has(kind):
                return self._convert_fields(cast("dict[str, object]", value), option, place)
            if isinstance(value, list) and kind is tuple:
                return self._convert_elements(cast("list[object]", value), get_args(option)[0], place, skipping)
            if kind is date and isinstance(value, str) and (found := _DATE_WITH_TIME.match(value)):
                return self.convert(found[1], date, place)
        raise _unreadable(reason, place)

    def _convert_fields(self, fields: dict[str, object], model: Any, place: str) -> Any:
        values: dict[str, object] = {}
        for name, kind, is_required, is_essential in _fields_of(model):
            if name not in fields:
                if is_required:
                    raise _unreadable(f"Object missing required field `{name}`", place)
                continue
            at = f"{place}.{name}"
            skipping = not (is_required or is_essential)
            try:
                values[name] = self.convert(fields[name], kind, at, skipping=skipping)
            except UnreadableError:
                if not skipping:
                    raise
                self.left_out.append(at)
        return (get_origin(model) or model)(**values)

    def _convert_elements(self, elements: list[object], kind: Any, place: str, skipping: bool) -> tuple[Any, ...]:
        converted: list[Any] = []
        for index, element in enumerate(elements):
            at = f"{place}[{index}]"
            try:
                converted.append(self.convert(element, kind, at))
            except UnreadableError:
                if not skipping:
                    raise
                self.left_out.append(at)
        return tuple(converted)


def _unreadable(reason: str, place: str) -> UnreadableError:
    return UnreadableError(f"{reason} - at `{place}`")


def _finite_or_none(number: str) -> float | None:
    value = float(number)
    return value if math.isfinite(value) else None


@cache
def _fields_of(model: Any) -> Sequence[tuple[str, Any, bool, bool]]:
    """Return the name and type of each field of a model, whether it is required, and whether it is essential."""
    cls = get_origin(model) or model
    arguments = dict(zip(getattr(cls, "__parameters__", ()), get_args(model), strict=True))
    types = get_type_hints(cls)
    return [
        (
            field.name,
            _with_arguments(types[field.name], arguments),
            field.default is attrs.NOTHING,
            field.metadata == ESSENTIAL,
        )
        for field in attrs.fields(cls)
    ]


def _with_arguments(kind: Any, arguments: dict[Any, Any]) -> Any:
    """Return a type with the arguments of its generic class in the place of the parameters."""
    if kind in arguments:
        return arguments[kind]
    parameters = getattr(kind, "__parameters__", ())
    return kind[tuple(arguments[parameter] for parameter in parameters)] if parameters else kind


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
