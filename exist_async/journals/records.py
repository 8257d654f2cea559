"""The kinds of writes that a journal can hold, and its records of their items and outcomes, as JSON."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from attrs import frozen

from exist_async import errors
from exist_async._json import decode, encode, encode_lines, plain
from exist_async.attributes import Attribute, AttributeEcho
from exist_async.attributes.requests import ByName, ByTemplate, CustomAttribute
from exist_async.attributes.writes import ACQUIRE, CREATE, RELEASE
from exist_async.errors import ConfigurationError, ExistAsyncError, OutcomeUnknownError
from exist_async.outcomes import Outcome, OutcomeStatus, error_text
from exist_async.values.models import ValueEcho
from exist_async.values.requests import ValueIncrement, ValueUpdate
from exist_async.values.writes import INCREMENT, UPDATE

REQUEST_REFUSED: Final = "request_refused"
"""The recorded status of an item whose whole request was refused, so that it is sent again."""

INTERRUPTED: Final = "interrupted"
"""The recorded status of an item that a program was sending when it ended."""

END_OF_KEY: Final = ',"value":'
"""The text that follows the attribute and day in the record of a value. Inside a string, its quotes are escaped."""

_LARGEST: Final = 2**63

_SUCCEEDED: Final = OutcomeStatus.SUCCEEDED.value

STATUS_CODES: Final[Mapping[str | None, int | None]] = {
    None: None,
    OutcomeStatus.SUCCEEDED.value: 1,
    OutcomeStatus.UNCHANGED.value: 2,
    OutcomeStatus.SUPERSEDED.value: 3,
    OutcomeStatus.REFUSED.value: 4,
    REQUEST_REFUSED: 5,
    OutcomeStatus.UNKNOWN.value: 6,
    INTERRUPTED: 7,
}
"""The numbers by which databases store recorded statuses; NULL is an item that was not sent yet."""

STATUS_NAMES: Final = {code: name for name, code in STATUS_CODES.items()}
"""The recorded statuses by number."""

_STATUSES: Final = {REQUEST_REFUSED: OutcomeStatus.REFUSED, INTERRUPTED: OutcomeStatus.UNKNOWN}

_ECHO: Final = "echo"
"""The name of an answer that is only an echo, where the kind's own answer is a whole attribute."""


@frozen
class Kind:
    """A kind of write.

    Attributes:
        name: The method that carries it out.
        answer: The model of the service's answer about an item.
        repeatable: Whether sending an item twice is harmless.
        is_sent_once: Whether an item that was sent without an answer is never sent again.
        supersedes: Whether an item makes the earlier ones of its attribute and day superfluous.
    """

    name: str
    answer: type[Any]
    repeatable: bool
    is_sent_once: bool = False
    supersedes: bool = False

    @property
    def repeated_statuses(self) -> tuple[str, ...]:
        """The recorded statuses of items that are sent again, beside those without one."""
        unanswered = () if self.is_sent_once else (OutcomeStatus.UNKNOWN.value, INTERRUPTED)
        return (REQUEST_REFUSED, *unanswered)


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind(UPDATE.kind, ValueEcho, UPDATE.repeatable, supersedes=True),
        Kind("sync", ValueEcho, UPDATE.repeatable, supersedes=True),
        Kind(INCREMENT.kind, ValueEcho, INCREMENT.repeatable, is_sent_once=True),
        Kind(CREATE.kind, Attribute, CREATE.repeatable, is_sent_once=True),
        Kind(ACQUIRE.kind, Attribute, ACQUIRE.repeatable),
        Kind(RELEASE.kind, AttributeEcho, RELEASE.repeatable),
        Kind("ensure", Attribute, repeatable=True),
    )
}
"""The kinds of writes, by name."""


@frozen
class Row:
    """An item and its outcome in the store of a journal.

    Attributes:
        index: The item's position among the items of the write.
        item: Its record.
        status: Its recorded status; None before it was sent.
        outcome: The record of the rest of its outcome; None if there is nothing to add, or only what the item has.
    """

    index: int
    item: str
    status: str | None = None
    outcome: str | None = None


@frozen
class Run:
    """Equal outcomes of successive items.

    Attributes:
        first, last: The indices of the first and last item.
        status, outcome: As in a row.
    """

    first: int
    last: int
    status: str
    outcome: str | None


def item_records(first: int, items: Sequence[Any]) -> list[str]:
    """Return the records of items, from an index on. Equal items have equal records: 7 is 7.0, and 1 is True."""
    try:
        # Many at once, which takes a quarter of the time. A line break inside a string is escaped.
        return encode_lines([_item_fields(item) for item in items]).decode().split("\n")[:-1]
    except (TypeError, ValueError, RecursionError):
        for index, item in enumerate(items, first):
            try:
                encode_lines([_item_fields(item)])
            except (TypeError, ValueError, RecursionError) as error:
                raise ConfigurationError(f"items[{index}]: an item can't be written as JSON: {error}") from error
        raise


def are_equal(record: str, other: str) -> bool:
    """Whether two records are of equal items, though another version wrote one of them."""
    try:
        return bool(json.loads(record) == json.loads(other))
    except ValueError:  # a damaged one
        return False


def item_from(record: str, kind: Kind) -> Any:
    """Return the item of a record."""
    fields = json.loads(record)
    if "date" in fields:
        fields["date"] = dt.date.fromisoformat(fields["date"])
        return (ValueIncrement if kind.name == INCREMENT.kind else ValueUpdate)(**fields)
    if "label" in fields:
        return CustomAttribute(**fields)
    return ByTemplate(**fields) if "template" in fields else ByName(**fields)


def runs_of(outcomes: Sequence[Outcome[Any, Any]], kind: Kind) -> list[Run]:
    """Return outcomes in as few runs as possible, without those that were not sent, which are not recorded."""
    runs: list[Run] = []
    causes: dict[int, object] = {}
    first = last = -2
    new_status: str | None
    status: str | None = None
    record: str | None = None
    for outcome in sorted(outcomes, key=attrgetter("index")):
        value, item = outcome.value, outcome.item
        # Most are like this, so no function is called for them.
        if (
            outcome.status is OutcomeStatus.SUCCEEDED
            and isinstance(value, ValueEcho)
            and value.current is None
            and value.value == item.value
            and value.name == item.name
            and value.date == item.date
        ):
            new_status, new_record = _SUCCEEDED, None
        else:
            new_status, new_record = _status_of(outcome), _outcome_record(outcome, kind, causes)
        if outcome.index == last + 1 and new_status == status and new_record == record:
            last = outcome.index
            continue
        if status is not None:
            runs.append(Run(first, last, status, record))
        first = last = outcome.index
        status, record = new_status, new_record
    if status is not None:
        runs.append(Run(first, last, status, record))
    return runs


def interrupted_outcome(kind: Kind) -> str:
    """Return the record of the outcome of an item that was being sent when the program ended."""
    cause = OutcomeUnknownError(
        "It was being sent when the program ended: it may have been carried out."
        + (" Doing it again is harmless." if kind.repeatable else ""),
        repeatable=kind.repeatable,
    )
    return encode({"cause": _fields_of_cause(cause)}).decode()


def outcome_from(row: Row, kind: Kind, item: Any = None) -> Outcome[Any, Any]:
    """Return the outcome of a row; an item that is given is not read again from its record."""
    item = item_from(row.item, kind) if item is None else item
    if row.status is None:
        return Outcome(row.index, item, OutcomeStatus.NOT_SENT)
    status = status_from(row.status)
    if row.outcome is None:
        is_echo = status is OutcomeStatus.SUCCEEDED and isinstance(item, ValueUpdate | ValueIncrement)
        value = ValueEcho(item.name, item.date, item.value) if is_echo else None
        return Outcome(row.index, item, status, value)
    fields = json.loads(row.outcome)
    value = None
    if "value" in fields:
        value = decode(encode(fields["value"]), AttributeEcho if _ECHO in fields else kind.answer)
    cause = _cause_from(json.dumps(fields["cause"])) if "cause" in fields else None
    return Outcome(row.index, item, status, value, fields.get("error_code"), fields.get("error"), cause)


def status_from(recorded: str | None) -> OutcomeStatus:
    """Return the status for a recorded one."""
    if recorded is None:
        return OutcomeStatus.NOT_SENT
    return _STATUSES.get(recorded) or OutcomeStatus(recorded)


def status_codes(statuses: Sequence[str | None]) -> list[int]:
    """Return the numbers of recorded statuses, without that of items that were not sent."""
    return [code for status in statuses if (code := STATUS_CODES[status]) is not None]


def recorded_statuses(status: OutcomeStatus) -> list[str | None]:
    """Return all recorded statuses that stand for a status."""
    if status is OutcomeStatus.NOT_SENT:
        return [None]
    return [status.value, *(recorded for recorded, meaning in _STATUSES.items() if meaning is status)]


def ranges_of(positions: Sequence[int]) -> list[tuple[int, int]]:
    """Return positions as ranges, each with its first and last position."""
    positions = sorted(positions)
    if positions[-1] - positions[0] == len(positions) - 1:
        return [(positions[0], positions[-1])]
    ranges: list[tuple[int, int]] = []
    for position in positions:
        if ranges and ranges[-1][1] == position - 1:
            ranges[-1] = (ranges[-1][0], position)
        else:
            ranges.append((position, position))
    return ranges


def text_of_positions(positions: Sequence[int]) -> str:
    """Return positions as text, successive ones as a range."""
    positions = sorted(positions)
    if positions[-1] - positions[0] == len(positions) - 1:
        return f"{positions[0]}-{positions[-1]}"
    return ",".join(map(str, positions))


def positions_from(text: str) -> list[tuple[int, int]]:
    """Return the first and last positions of ranges."""
    runs = [run.partition("-") for run in text.split(",")]
    return [(int(first), int(last or first)) for first, _, last in runs]


def _item_fields(item: Any) -> object:
    """Return the canonical form of an item, as JSON can hold it."""
    if not isinstance(item, ValueUpdate | ValueIncrement):
        return plain(item)
    value = item.value
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST:
        value = int(value)
    return {"name": item.name, "date": item.date, "value": value}


def _status_of(outcome: Outcome[Any, Any]) -> str | None:
    """Return the status to record; None for items that were not sent, which stay as they are."""
    if outcome.status is OutcomeStatus.NOT_SENT:
        return None
    if outcome.status is OutcomeStatus.REFUSED and outcome.cause is not None:
        return REQUEST_REFUSED
    return outcome.status.value


def _outcome_record(outcome: Outcome[Any, Any], kind: Kind, causes: dict[int, object]) -> str | None:
    """Return the record of what an outcome has beside its status."""
    fields: dict[str, object] = {}
    value, cause = outcome.value, outcome.cause
    if value is not None:
        fields["value"] = plain(value)
        if isinstance(value, AttributeEcho) and kind.answer is not AttributeEcho:
            fields[_ECHO] = True
    if outcome.error_code is not None:
        fields["error_code"] = outcome.error_code
    if outcome.error is not None:
        fields["error"] = outcome.error
    if cause is not None:
        # Those of a request are one object.
        fields["cause"] = causes.setdefault(id(cause), _fields_of_cause(cause))
    return encode(fields).decode() if fields else None


def _fields_of_cause(cause: Exception) -> Mapping[str, object]:
    """Return the class of an error, its text, and those of its attributes that are plain.

    The attributes of other classes than this package's may have secrets, and are left out.
    """
    cls = type(cause)
    attributes = vars(cause) if getattr(errors, cls.__name__, None) is cls else {}
    plain = {
        name: value
        for name, value in attributes.items()
        if isinstance(value, str | int | float | None) and not name.startswith("_")
    }
    # JSON can't hold half of a surrogate pair, which a file name in a message can have.
    return {"type": cls.__name__, "message": error_text(cause).encode(errors="replace").decode(), "fields": plain}


@lru_cache(maxsize=64)
def _cause_from(record: str) -> ExistAsyncError:
    """Return the error of a record. One of the caller's own classes is an ExistAsyncError that names the class.

    Equal records give the same error: the items of a request have one.
    """
    cause = json.loads(record)
    cls = getattr(errors, cause["type"], None)
    if not (isinstance(cls, type) and issubclass(cls, ExistAsyncError)):
        return ExistAsyncError(f"{cause['type']}: {cause['message']}")
    # Without `__init__`: each class has other arguments.
    error = cls.__new__(cls, cause["message"])
    # Records of earlier versions lack them.
    if issubclass(cls, errors.StatusError):
        vars(error)["validation_errors"] = ()
    elif issubclass(cls, errors.OutcomeUnknownError):
        vars(error)["repeat_refused"] = False
    vars(error).update(cause["fields"])
    return error
