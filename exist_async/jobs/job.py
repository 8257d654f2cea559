"""A sync job: what is to be written for one user, as an object and as JSON."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, Self, TypeAlias, cast
from uuid import UUID, uuid4

from attrs import evolve, field, frozen

from exist_async._checks import is_text, plain_string, safe_repr, wrong_type
from exist_async._json import UnreadableError, decode, encode, encode_each
from exist_async.errors import ConfigurationError
from exist_async.values.requests import ValueIncrement, ValueUpdate, to_dated_increment, to_updatable

JobKind: TypeAlias = Literal["update", "sync", "increment"]
"""The kind of a job, which is the method of `exist.values` that writes its items."""

_VERSION: Final = 1
_KINDS: Final = ("update", "sync", "increment")
_CHECKS: Final = {"update": to_updatable, "sync": to_updatable, "increment": to_dated_increment}

_QUOTED: Final = 300  # characters of a reason, which may quote a value


def _to_items(items: Iterable[ValueUpdate | ValueIncrement]) -> tuple[ValueUpdate | ValueIncrement, ...]:
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type(
            "items", "a list or another iterable of ValueUpdates or ValueIncrements", cast("object", items)
        )
    return tuple(items)


def _show_number(items: tuple[object, ...]) -> str:
    return f"<{len(items)} items>"


@frozen
class SyncJob:
    """Values to write for one user, in one list. It holds no token, so it can be kept in a queue or a log.

    Attributes:
        user: The user's name in the token store.
        kind: "update", "sync" or "increment": the method of `exist.values` that writes the items.
        items: `ValueUpdate`s to update or sync, `ValueIncrement`s to increment. An increment must have a date: without
            one, it would move to another day if the job went on tomorrow. Its repr shows only their number.
        id: Selects the journal of the job. Jobs with the same id are one job, of which nothing is sent twice; two jobs
            with equal items are two if their ids differ. By default it is random.

    Raises:
        ConfigurationError: A field is wrong; the message names it, and the index of an item.
    """

    user: str = field(converter=plain_string, validator=is_text)
    kind: JobKind
    items: tuple[ValueUpdate | ValueIncrement, ...] = field(converter=_to_items, repr=_show_number)
    id: UUID = field(factory=uuid4)

    def __attrs_post_init__(self) -> None:
        check = _CHECKS.get(self.kind) if isinstance(self.kind, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if check is None:
            raise ConfigurationError(f"kind must be one of {', '.join(_KINDS)}, not {safe_repr(self.kind)[:_QUOTED]}")
        if not isinstance(self.id, UUID):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong_type("id", "a uuid.UUID", self.id)
        for index, item in enumerate(self.items):
            try:
                check(item)
            except ConfigurationError as error:
                raise ConfigurationError(f"items[{index}]: {error}") from None

    def to_json(self) -> str:
        """Return the job as JSON, which `from_json` reads. Its size is about 55 bytes for an item."""
        head = encode({"version": _VERSION, "id": str(self.id), "user": self.user, "kind": self.kind})
        return (head[:-1] + b',"items":' + encode_each(self.items) + b"}").decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the job that `to_json` converted.

        Raises:
            ConfigurationError: It is not such JSON, or a newer version of this package wrote it. The message names the
                place.
        """
        if not isinstance(text, str | bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong_type("a job's JSON", "a string or bytes", text)
        try:
            return cls._decode(text.encode() if isinstance(text, str) else text)
        except UnicodeEncodeError:
            reason = "It contains half a surrogate pair, which is not a character"
        except (UnreadableError, ConfigurationError) as error:
            reason = str(error)
        raise ConfigurationError(f"this can't be read as a SyncJob: {reason[:_QUOTED]}")

    @classmethod
    def _decode(cls, data: bytes) -> Self:
        head = decode(data, _Head)
        if head.version > _VERSION:
            raise ConfigurationError(
                f"a newer version of exist-async wrote it (format {head.version}, and this one reads formats up to "
                f"{_VERSION}). Upgrade exist-async here, too"
            )
        if head.version < 1:
            raise UnreadableError(f"Unknown version {head.version} - at `$.version`")
        body: _Updates | _Increments
        if head.kind == "increment":  # noqa: SIM108  (the type checkers infer `object` for a ternary)
            body = decode(data, _Increments)
        else:
            body = decode(data, _Updates)
        # msgspec does not call converters, which have checks: so the items are created again.
        items: list[ValueUpdate | ValueIncrement] = []
        for index, item in enumerate(cast("tuple[ValueUpdate | ValueIncrement, ...]", body.items)):
            try:
                items.append(evolve(item))
            except ConfigurationError as error:
                raise UnreadableError(f"{error} - at `$.items[{index}]`") from None
        return cls(body.user, body.kind, items, body.id)


@frozen
class _Head:
    version: int
    kind: Any = None  # another version may have none


@frozen
class _Updates:
    id: UUID
    user: str
    kind: Literal["update", "sync"]
    items: tuple[ValueUpdate, ...]


@frozen
class _Increments:
    id: UUID
    user: str
    kind: Literal["increment"]
    items: tuple[ValueIncrement, ...]
