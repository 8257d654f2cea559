"""Sends the items of a write, 35 in a request, and records the outcome of each."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterable, Collection, Hashable, Iterator, Sequence
from contextlib import aclosing
from copy import copy
from functools import partial
from typing import Any, Generic, TypeVar

from exist_async._concurrency import Chunk, as_exception, cancelled_by_caller, run_chunks
from exist_async._http.call import Call, CallState
from exist_async._http.responses import as_text, outcome_unknown
from exist_async._http.session import Session
from exist_async._json import encode_each
from exist_async._secrets import redact, secret_in
from exist_async.batch.items import ItemReader, Items, PausingReader, Stop, check_items
from exist_async.batch.matching import FailedEntry, Reply, match_reply
from exist_async.batch.operation import FindUnchanged, OnOutcome, OnRefused, WriteOperation
from exist_async.errors import (
    AuthenticationError,
    BatchError,
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    ExistAsyncError,
    OAuthError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    StatusError,
)
from exist_async.outcomes import (
    FINE,
    BatchResult,
    Outcome,
    OutcomeStatus,
    count_by_status,
    distinct_causes,
    error_text,
    quote_first,
)

I = TypeVar("I")  # noqa: E741  (the letter for an item, as T is for an answer)
T = TypeVar("T")

CHUNK_SIZE = 35
"""The most objects that Exist accepts in one request."""

BLOCK_SIZE = 10_000
"""The most items of a stream among which the later supersede the earlier."""

_INVALID = "validation"
"""Exist's error code for a value that the attribute can't have."""

_QUOTED_ERRORS = 3

# Reporting very many outcomes at once would block the event loop.
_REPORTS_BETWEEN_YIELDS = 1000

_NEVER_SENT = (RateLimitError, ClientClosedError, DeadlineExceededError, OAuthError)
# Every further request would end with the same error.
_ABORTING = (AuthenticationError, PermissionDeniedError, *_NEVER_SENT)
# A request that ended with one of these was not carried out.
_NOT_CARRIED_OUT = (ConfigurationError, ConnectionFailedError, *_NEVER_SENT)

_UNFINISHED = (OutcomeStatus.NOT_SENT, OutcomeStatus.UNKNOWN)
_IN_PLACE = (OutcomeStatus.SUCCEEDED, OutcomeStatus.UNCHANGED)

_log = logging.getLogger("exist_async")


async def write(
    session: Session, operation: WriteOperation[I, T], items: Items[Any], on_outcome: OnOutcome[I, T] = None
) -> BatchResult[I, T]:
    """Send all items, and return their outcomes if each was answered.

    Raises:
        ConfigurationError: An item is wrong. Of a sequence none was sent; of a stream, at most those before it.
        ExistAsyncError: Some item was not answered. The error's `result` holds every outcome.
    """
    check_items(items, on_outcome)
    running = Write(session.with_deadline(), operation, on_outcome)
    await running.run(items)
    return conclude(running.result, running.stop)


class Write(Generic[I, T]):
    """A write in progress: the items read so far, their outcomes, and the reason why it stops early, if it does."""

    def __init__(self, session: Session, operation: WriteOperation[I, T], on_outcome: OnOutcome[I, T] = None) -> None:
        self.stop: Stop | None = None
        self._session = session
        self._operation = operation
        self._on_outcome = on_outcome
        self._items: list[I] = []
        self._outcomes: list[Outcome[I, T] | None] = []  # at the indices of the items that were read
        self._input_stop: Stop | None = None
        self._interrupted: list[Outcome[I, T]] = []
        self._detached: set[int] = set()
        self._unsettled: list[int] = []  # indices of items that may change what the service has
        self._uncertain = set[Hashable]()  # conflict keys of items that may still do so after their requests

    @property
    def result(self) -> BatchResult[I, T]:
        """The outcomes of all items that were read; complete once `run` has ended."""
        outcomes = tuple(outcome for outcome in self._outcomes if outcome is not None)
        assert len(outcomes) == len(self._items)
        return BatchResult(outcomes, self._outdated(outcomes) if self._operation.supersedes else frozenset())

    async def run(self, items: Items[Any]) -> None:
        """Send all items. Afterwards each item that was read has its outcome, unless the caller was cancelled."""
        await self._session.prepare()
        try:
            async with aclosing(self._chunks(items)) as chunks:
                await run_chunks(chunks, self._send_chunk, concurrency=self._session.options.concurrency)
        except asyncio.CancelledError:
            known = [outcome for outcome in self._outcomes if outcome is not None]
            unreported = [outcome for outcome in known if outcome.index not in self._detached]
            log_outcomes(f"POST {self._operation.path} was cancelled. Its known outcomes", unreported)
            raise
        if self._input_stop is not None:
            self._stop(self._input_stop)
        interrupted = [outcome for outcome in self._interrupted if self._outcomes[outcome.index] is None]
        self._record(interrupted)
        # The others are reported when their requests end.
        self._report([outcome for outcome in interrupted if outcome.index not in self._detached])
        cause = self.stop.error if self.stop is not None else None
        for index, item in enumerate(self._items):
            if self._outcomes[index] is None:
                self._report([Outcome(index, item, OutcomeStatus.NOT_SENT, cause=cause)])

    async def _chunks(self, items: Items[Any]) -> AsyncGenerator[Chunk[I], None]:
        # A sequence is checked whole before anything is sent; a stream, block by block.
        operation, options = self._operation, self._session.options
        is_stream = not isinstance(items, Collection)
        most = (BLOCK_SIZE if operation.supersedes else CHUNK_SIZE) if is_stream else None
        pausing: PausingReader[I] | None = None
        if operation.supersedes and is_stream and isinstance(items, AsyncIterable):
            pausing = PausingReader(items, operation.to_request, clock=options.clock, sleep=options.sleep)
        reader = pausing or ItemReader(items, operation.to_request)
        self._items = reader.items
        try:
            while not reader.ended:
                start = len(self._outcomes)
                stop = await reader.read(most)
                self._outcomes += [None] * (len(self._items) - start)
                if stop is not None and not (operation.supersedes and is_stream):
                    self._stop(stop)
                    return
                # The items before a wrong one are sent first.
                self._input_stop = stop
                indices: Sequence[int] = range(start, len(self._items))
                if operation.find_unchanged is not None:
                    indices = await self._without_unchanged(indices, operation.find_unchanged)
                    if self.stop is not None:
                        return
                for chunk in self._cut(indices):
                    yield chunk
        finally:
            if pausing is not None:
                await pausing.aclose()
            self._outcomes += [None] * (len(self._items) - len(self._outcomes))

    async def _without_unchanged(self, block: Sequence[int], find_unchanged: FindUnchanged[I]) -> Sequence[int]:
        """Report the items of a block that need not be sent, and return the indices of the others.

        The unchanged ones are reported, and those that they supersede. An item is not looked at if an earlier one with
        its key may still change what the service has.
        """
        conflict_key, items = self._operation.conflict_key, self._items
        for index in self._unsettled:
            if self._is_uncertain(self._outcomes[index]):
                self._uncertain.add(conflict_key(items[index]))
        self._unsettled = [index for index in self._unsettled if self._outcomes[index] is None]
        in_flight = {conflict_key(items[index]) for index in self._unsettled}
        self._unsettled += block
        last = {conflict_key(items[index]): index for index in block}
        indices = [index for key, index in last.items() if key not in in_flight and key not in self._uncertain]
        try:
            found = [indices[position] for position in await find_unchanged([items[index] for index in indices])]
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and cancelled_by_caller():
                raise
            failure = as_exception(error)
            self._stop(Stop(failure, from_caller=not isinstance(failure, ExistAsyncError)))
            return block
        superseded: list[int] = []
        if len(last) < len(block):
            unchanged = {conflict_key(items[index]): index for index in found}
            superseded = [index for index in block if unchanged.get(conflict_key(items[index]), index) != index]
        for count, index in enumerate((*found, *superseded), 1):
            status = OutcomeStatus.UNCHANGED if count <= len(found) else OutcomeStatus.SUPERSEDED
            self._report([Outcome(index, items[index], status)])
            if count % _REPORTS_BETWEEN_YIELDS == 0:
                await asyncio.sleep(0)
        return [index for index in block if self._outcomes[index] is None]

    def _is_uncertain(self, outcome: Outcome[I, T] | None) -> bool:
        """Whether an item may still change what the service has: an unknown one, or a refused one to be sent again."""
        if outcome is None:
            return False
        is_refused = outcome.status is OutcomeStatus.REFUSED
        return outcome.status is OutcomeStatus.UNKNOWN or (is_refused and self._operation.on_refused is not None)

    def _cut(self, indices: Sequence[int]) -> Iterator[Chunk[I]]:
        """Cut items, by their indices; those that conflict with an earlier item of their request are cut later."""
        operation = self._operation
        conflict_key = operation.conflict_key
        repeated: Collection[Hashable] = ()
        if len(indices) > 1 and (operation.supersedes or operation.unique_per_request):
            repeated = self._repeated_keys(indices)
        earlier: dict[int, list[int]] = {}
        if repeated and operation.supersedes:
            earlier = self._earlier(indices, repeated)
            superseded = {index for group in earlier.values() for index in group}
            indices, repeated = [index for index in indices if index not in superseded], ()
        while indices:
            later: list[int] = []
            seen: set[Hashable] = set()
            chunk: Chunk[I] = Chunk([], [], set())
            for index in indices:
                item = self._items[index]
                key = conflict_key(item)
                if repeated and key in repeated:
                    if key in seen:
                        later.append(index)
                        continue
                    seen.add(key)
                chunk.indices.append(index)
                chunk.items.append(item)
                chunk.conflict_keys.add(key)
                if earlier and index in earlier:
                    chunk.earlier[index] = earlier[index]
                if len(chunk.items) == CHUNK_SIZE:
                    yield chunk
                    chunk = Chunk([], [], set())
            if chunk.items:
                yield chunk
            indices = later

    def _repeated_keys(self, indices: Sequence[int]) -> Collection[Hashable]:
        """Return the conflict keys that several items have. Remembering all keys would cost memory with long lists."""
        counts = Counter(self._operation.conflict_key(self._items[index]) for index in indices)
        return {key for key, count in counts.items() if count > 1}

    def _earlier(self, indices: Sequence[int], repeated: Collection[Hashable]) -> dict[int, list[int]]:
        """Return, by index of the last item with each of these keys, the indices of the items before it."""
        groups: dict[Hashable, list[int]] = {key: [] for key in repeated}
        for index in indices:
            group = groups.get(self._operation.conflict_key(self._items[index]))
            if group is not None:
                group.append(index)
        return {group.pop(): group for group in groups.values()}

    async def _send_chunk(self, chunk: Chunk[I]) -> bool:
        """Send one chunk, then earlier items in place of invalid ones; report outcomes; return whether to continue."""
        next_chunk: Chunk[I] | None = chunk
        while next_chunk is not None:
            chunk = next_chunk
            outcomes = await self._send_for_outcomes(chunk)
            if self._operation.on_refused is not None and self.stop is None:
                outcomes = await self._report_answered(chunk, outcomes, self._operation.on_refused)
            self._report(outcomes, chunk)
            next_chunk = self._fallback(chunk, outcomes) if chunk.earlier and self.stop is None else None
        return self.stop is None

    async def _report_answered(
        self, chunk: Chunk[I], outcomes: list[Outcome[I, T]], on_refused: OnRefused[I, T]
    ) -> list[Outcome[I, T]]:
        """Report the outcomes but refusals, handle these, and return their final outcomes."""
        refused = [outcome for outcome in outcomes if outcome.refused_for_itself]
        self._report([outcome for outcome in outcomes if not outcome.refused_for_itself], chunk)
        # Recorded now, because handling them may be cancelled.
        self._record(refused)
        if self.stop is not None:
            return refused
        try:
            return await self._handle_refused(chunk, refused, on_refused)
        except asyncio.CancelledError:
            self._report([outcome for outcome in refused if outcome.index not in self._detached], chunk)
            raise

    def _fallback(self, chunk: Chunk[I], outcomes: Sequence[Outcome[I, T]]) -> Chunk[I] | None:
        """Return a chunk of the items before those that were refused as invalid, if there are any."""
        fallback: Chunk[I] = Chunk([], [], chunk.conflict_keys)
        for outcome in outcomes:
            earlier = chunk.earlier.get(outcome.index)
            if earlier and _is_invalid(outcome):
                index = earlier.pop()
                fallback.indices.append(index)
                fallback.items.append(self._items[index])
                fallback.earlier[index] = earlier
        return fallback if fallback.items else None

    async def _send_for_outcomes(self, chunk: Chunk[I]) -> list[Outcome[I, T]]:
        """Send one chunk, and return its outcomes, unless the caller is cancelled."""
        state = CallState(conflict_keys=chunk.conflict_keys)
        try:
            return await self._send(chunk, state)
        except asyncio.CancelledError as error:
            failure = as_exception(error)
            self._stop(Stop(failure, from_caller=True))
            outcomes = _outcomes_after_error(chunk, failure, sent=state.sent)
            if cancelled_by_caller():
                # They are needed if only this task was cancelled, and the write goes on.
                outcomes = self._with_earlier(chunk, outcomes)
                self._interrupted += outcomes
                if state.detached:
                    self._detached.update(outcome.index for outcome in outcomes)
                raise
            return outcomes
        except Exception as error:  # noqa: BLE001  (errors from outside the package come from the caller's auth or limiter)
            self._stop_after(error)
            return _outcomes_after_error(chunk, error, sent=state.sent)

    async def _handle_refused(
        self, chunk: Chunk[I], refused: list[Outcome[I, T]], on_refused: OnRefused[I, T]
    ) -> list[Outcome[I, T]]:
        """Handle refused items, and send those that became acceptable a second time."""
        outcomes = {outcome.index: outcome for outcome in refused}
        indices: list[int] = []
        for index, outcome in (await on_refused(refused)).items():
            if outcome is None:
                indices.append(index)
                continue
            outcomes[index] = outcome
            if outcome.cause is not None:
                self._stop_after(outcome.cause)
        if indices and self.stop is None:
            items = [self._items[index] for index in indices]
            second = Chunk(indices, items, chunk.conflict_keys, chunk.earlier)
            outcomes.update((outcome.index, outcome) for outcome in await self._send_for_outcomes(second))
        return list(outcomes.values())

    async def _send(self, chunk: Chunk[I], state: CallState) -> list[Outcome[I, T]]:
        operation = self._operation
        try:
            body = encode_each(chunk.items)
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"an item can't be written as JSON: {error}") from error
        call = Call(
            "POST", operation.path, operation.query, body, repeatable=operation.repeatable, item_count=len(chunk.items)
        )
        on_late = partial(self._report_detached, call, chunk, state)
        reply = await self._session.send(call, operation.reply, state=state, on_late=on_late)
        return self._outcomes_of(call, chunk, reply, state)

    def _outcomes_of(self, call: Call, chunk: Chunk[I], reply: Reply[T], state: CallState) -> list[Outcome[I, T]]:
        """Return the outcome of each item of a request that was answered."""
        operation = self._operation
        answers = match_reply(list(map(operation.match_key, chunk.items)), reply, operation.match_keys_of)
        missing = sum(answer is None for answer in answers)
        cause = outcome_unknown(call, f"the reply leaves out {missing} of {len(answers)} items") if missing else None
        outcomes: list[Outcome[I, T]] = []
        for index, item, answer in zip(chunk.indices, chunk.items, answers, strict=True):
            if answer is None:
                outcomes.append(Outcome(index, item, OutcomeStatus.UNKNOWN, cause=cause))
            elif isinstance(answer, FailedEntry):
                code, message = _text(answer.error_code, state), _text(answer.error, state)
                outcome: Outcome[I, T] = Outcome(index, item, OutcomeStatus.REFUSED, error_code=code, error=message)
                if state.lost is not None and operation.on_repeat_refusal is not None:
                    outcome = operation.on_repeat_refusal(outcome)
                outcomes.append(outcome)
            else:
                if operation.share_parts is not None:
                    operation.share_parts(item, answer)
                outcomes.append(Outcome(index, item, OutcomeStatus.SUCCEEDED, value=answer))
        return outcomes

    def _report_detached(self, call: Call, chunk: Chunk[I], state: CallState, reply: Reply[T] | Exception) -> None:
        """Report the outcomes of a request that was in flight when the write was cancelled; to the log, as well."""
        if isinstance(reply, Exception):
            outcomes = _outcomes_after_error(chunk, reply, sent=True)
        else:
            outcomes = self._outcomes_of(call, chunk, reply, state)
        outcomes = self._with_earlier(chunk, outcomes)
        failure = self._report(outcomes)
        log_outcomes(f"{call} was cancelled while it was in flight, and finished", outcomes)
        if failure is not None:
            _log.error("on_outcome raised %s: %s", type(failure).__name__, error_text(failure))

    def _with_earlier(self, chunk: Chunk[I], outcomes: list[Outcome[I, T]]) -> list[Outcome[I, T]]:
        """Return final outcomes, followed by those of the items that were not sent because of theirs."""
        earlier = [
            earlier_outcome
            for outcome in outcomes
            if outcome.index in chunk.earlier and not _is_invalid(outcome)
            for earlier_outcome in _earlier_outcomes(outcome, chunk.earlier[outcome.index], self._items)
        ]
        return outcomes + earlier

    def _outdated(self, outcomes: Sequence[Outcome[I, T]]) -> frozenset[int]:
        """Return the indices of unfinished items whose conflict key a later item has that succeeded or is unchanged."""
        conflict_key = self._operation.conflict_key
        unfinished = {conflict_key(outcome.item) for outcome in outcomes if outcome.status in _UNFINISHED}
        in_place: set[Hashable] = set()
        outdated: set[int] = set()
        for outcome in reversed(outcomes) if unfinished else ():
            key = conflict_key(outcome.item)
            if outcome.status in _IN_PLACE and key in unfinished:
                in_place.add(key)
            elif outcome.status in _UNFINISHED and key in in_place:
                outdated.add(outcome.index)
        return frozenset(outdated)

    def _record(self, outcomes: Sequence[Outcome[I, T]]) -> None:
        for outcome in outcomes:
            self._outcomes[outcome.index] = outcome

    def _report(self, outcomes: list[Outcome[I, T]], chunk: Chunk[I] | None = None) -> Exception | None:
        """Record outcomes and call the caller's callback; return the error that it raises, which stops the write.

        With their chunk, also those of the items that were not sent because of theirs.
        """
        if chunk is not None and chunk.earlier:
            outcomes = self._with_earlier(chunk, outcomes)
        self._record(outcomes)
        if self._on_outcome is None:
            return None
        try:
            for outcome in outcomes:
                self._on_outcome(outcome)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  (it reaches the caller with the result)
            self._on_outcome = None
            failure = as_exception(error)
            self._stop(Stop(failure, from_caller=True))
            return failure
        return None

    def _stop_after(self, error: Exception) -> None:
        """Stop the write after errors that affect every request."""
        from_caller = not isinstance(error, ExistAsyncError)
        if from_caller or isinstance(error, _ABORTING):
            self._stop(Stop(error, from_caller=from_caller))

    def _stop(self, stop: Stop) -> None:
        if self.stop is None or (stop.from_caller and not self.stop.from_caller):
            self.stop = stop


def conclude(result: BatchResult[I, T], stop: Stop | None = None) -> BatchResult[I, T]:
    """Return a result in which every item is fine or was refused for itself; otherwise raise the fitting error."""
    unanswered = [
        outcome for outcome in result.outcomes if outcome.status not in FINE and not outcome.refused_for_itself
    ]
    if stop is None and not unanswered:
        return result
    errors = distinct_causes(unanswered)
    if stop is not None and stop.from_caller:
        errors = (stop.error, *(error for error in errors if error is not stop.error))
        raise BatchError(
            f"write stopped by {type(stop.error).__name__}: {error_text(stop.error)} ({count_by_status(result)})",
            result=result,
            errors=errors,
        ) from stop.error
    if stop is not None and isinstance(stop.error, ConfigurationError):
        stop.error.result = result
        raise stop.error
    classes = {type(error) for error in errors}
    # In `ensure`, an earlier step may be unknown; the items that were not sent after it are not.
    fits = classes != {OutcomeUnknownError} or bool(result.unknown)
    if not result.succeeded and len(classes) == 1 and fits and isinstance(errors[0], ExistAsyncError):
        errors[0].result = result
        raise errors[0]
    raise BatchError(
        f"batch incomplete: {count_by_status(result)}. {'; '.join(map(error_text, errors[:_QUOTED_ERRORS]))}",
        result=result,
        errors=errors,
    ) from next(iter(errors), None)


def log_outcomes(event: str, outcomes: Sequence[Outcome[object, object]]) -> None:
    """Log the outcomes of a cancelled write, if any are known, because its caller does not get the result.

    There is a line for all, which is a warning if some did not succeed, and one line for each.
    """
    if not outcomes:
        return
    failed = [outcome for outcome in outcomes if outcome.status not in FINE]
    if failed:
        _log.warning("%s: %s. %s", event, count_by_status(outcomes), quote_first(failed))
    else:
        _log.info("%s: %s", event, count_by_status(outcomes))
    for outcome in outcomes:
        _log.info("items[%d], %s", outcome.index, outcome)


def _outcomes_after_error(chunk: Chunk[I], error: Exception, *, sent: bool) -> list[Outcome[I, Any]]:
    """Return the outcomes of the items of a request that ended in an error."""
    if isinstance(error, _NOT_CARRIED_OUT) or not (sent or isinstance(error, ExistAsyncError)):
        status = OutcomeStatus.NOT_SENT
    elif isinstance(error, StatusError):
        status = OutcomeStatus.REFUSED
    else:
        status = OutcomeStatus.UNKNOWN
    return [Outcome(index, item, status, cause=error) for index, item in zip(chunk.indices, chunk.items, strict=True)]


def _is_invalid(outcome: Outcome[object, object]) -> bool:
    """Whether the item was refused for its value, so that an earlier value for the day may be accepted."""
    return outcome.error_code == _INVALID and outcome.refused_for_itself


def _earlier_outcomes(later: Outcome[I, Any], indices: Sequence[int], items: Sequence[I]) -> list[Outcome[I, Any]]:
    """Return the outcomes of items that were not sent because of a later one, which has its outcome now."""
    code, error, cause = later.error_code, later.error, later.cause
    if later.status in FINE:
        return [Outcome(index, items[index], OutcomeStatus.SUPERSEDED) for index in indices]
    if later.status is OutcomeStatus.REFUSED:
        return [Outcome(index, items[index], later.status, None, code, error, cause) for index in indices]
    is_unknown = later.status is OutcomeStatus.UNKNOWN
    message = (
        f"items[{later.index}], a later item for the same attribute and day, "
        f"{'is unknown' if is_unknown else 'was not sent'}{f': {error_text(cause)}' if cause is not None else ''}"
    )
    own = ExistAsyncError(message) if is_unknown or not isinstance(cause, ExistAsyncError) else copy(cause)
    own.args = (message,)
    own.__cause__ = cause
    return [Outcome(index, items[index], OutcomeStatus.NOT_SENT, cause=own) for index in indices]


def _text(value: object, state: CallState) -> str | None:
    """Return Exist's code or message, which is not always a string, without the token that it may repeat."""
    text = as_text(value)
    return None if text is None else redact(text, secret_in(state.authorization))
