"""Sends the items of a write, 35 in a request, and records the outcome of each."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Collection, Hashable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Generic, TypeVar

from exist_async._concurrency import Chunk, as_exception, cancelled_by_caller, run_chunks
from exist_async._http.call import Call, CallState
from exist_async._http.responses import as_text, outcome_unknown
from exist_async._http.session import Session
from exist_async._json import encode_each
from exist_async._secrets import redact, secret_in
from exist_async.batch.items import CHUNK_SIZE, ItemReader, Items, PausingReader, Stop, check_items, cut
from exist_async.batch.journal import WriteJournal, begin, log_failed_note
from exist_async.batch.matching import FailedEntry, Reply, match_reply
from exist_async.batch.operation import FindUnchanged, OnOutcome, OnRefused, WriteOperation
from exist_async.batch.results import (
    NEVER_SENT,
    CountedOutcomes,
    KeptOutcomes,
    Outcomes,
    conclude,
    earlier_outcomes,
    is_invalid,
    log_outcomes,
    outcomes_after_error,
)
from exist_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ExistAsyncError,
    JournalError,
    PermissionDeniedError,
)
from exist_async.outcomes import BatchResult, Outcome, OutcomeStatus, WriteSummary, error_text

I = TypeVar("I")  # noqa: E741  (the letter for an item, as T is for an answer)
T = TypeVar("T")

BLOCK_SIZE = 10_000
"""The most items of a stream among which the later supersede the earlier."""

# Reporting very many outcomes at once would block the event loop.
_REPORTS_BETWEEN_YIELDS = 1000

# Every further request would end with the same error.
_ABORTING = (AuthenticationError, PermissionDeniedError, *NEVER_SENT)

_log = logging.getLogger("exist_async")


async def write(
    session: Session,
    operation: WriteOperation[I, T],
    items: Items[Any],
    on_outcome: OnOutcome[I, T] = None,
    journal: object = None,
) -> BatchResult[I, T]:
    """Send all items, and return their outcomes if each was answered.

    Raises:
        ConfigurationError: An item is wrong. Of a sequence none was sent; of a stream, at most those before it.
        ExistAsyncError: Some item was not answered. The error's `result` holds every outcome.
    """
    check_items(items, on_outcome)
    outcomes = KeptOutcomes[I, T]()
    running = Write(session.with_deadline(), operation, on_outcome, outcomes)
    await (running.run(items) if journal is None else running.run_with_journal(items, journal))
    return conclude(outcomes.result(operation), running.stop)


async def write_and_count(
    session: Session,
    operation: WriteOperation[I, T],
    items: Items[Any],
    on_outcome: OnOutcome[I, T] = None,
    journal: object = None,
) -> WriteSummary[I, T]:
    """Send all items, and count their outcomes instead of keeping them. Errors have a `summary` and no `result`."""
    outcomes = CountedOutcomes[I, T]()
    try:
        check_items(items, on_outcome)
        running = Write(session.with_deadline(), operation, on_outcome, outcomes)
        await (running.run(items) if journal is None else running.run_with_journal(items, journal))
    except ExistAsyncError as error:
        # Nothing was read: an argument is wrong, or the journal can't be used.
        error.result, error.summary = None, outcomes.summary()
        raise
    return conclude(outcomes.summary(), running.stop, outcomes.unanswered)


class Write(Generic[I, T]):
    """A write in progress: the items read so far, their outcomes, and the reason why it stops early, if it does."""

    def __init__(
        self,
        session: Session,
        operation: WriteOperation[I, T],
        on_outcome: OnOutcome[I, T],
        outcomes: Outcomes[I, T],
    ) -> None:
        self.stop: Stop | None = None
        self._session = session
        self._operation = operation
        self._on_outcome = on_outcome
        self._outcomes = outcomes
        self._journal: WriteJournal | None = None
        self._input_stop: Stop | None = None
        self._resumed = 0  # number of items that were looked up in the journal
        self._repeated: set[int] = set()  # indices of items that an earlier write may have had carried out
        self._interrupted: list[Outcome[I, T]] = []
        self._detached: set[int] = set()
        self._refused: dict[int, Outcome[I, T]] = {}  # by index: refusals that are being handled
        self._unsettled: dict[int, Hashable] = {}  # by index: conflict keys of items that may change the service

    async def run(self, items: Items[Any]) -> None:
        """Send all items. Afterwards each item that was read has its outcome, unless the caller was cancelled."""
        await self._session.prepare()
        try:
            async with aclosing(self._chunks(items)) as chunks:
                await run_chunks(chunks, self._send_chunk, concurrency=self._session.options.concurrency)
        except asyncio.CancelledError:
            self._outcomes.log(f"POST {self._operation.path} was cancelled. Its known outcomes", self._detached)
            raise
        if self._input_stop is not None:
            self._stop(self._input_stop)
        if self._journal is not None:
            # The write stopped before it came to these. They are not noted, as they were perhaps given by mistake.
            rest = [index for index in self._outcomes.open_indices() if index >= self._resumed]
            await self._resume(rest, self._journal, append=False)
        if self.stop is not None or self._interrupted or self._refused:
            self._record_rest()

    async def run_with_journal(self, items: Items[Any], journal: object) -> None:
        """Do the same with a journal that the caller gave."""
        self._journal = await begin(journal, self._session, self._operation.kind)
        try:
            await self.run(items)
        finally:
            self._journal.end()

    def _record_rest(self) -> None:
        """Record the outcomes of items whose requests were interrupted, and of those that were not sent."""
        known = {outcome.index: outcome for outcome in self._interrupted} | self._refused
        cause = self.stop.error if self.stop is not None else None
        for index in self._outcomes.open_indices():
            outcome: Outcome[I, T] | None = known.get(index)
            if outcome is None:
                outcome = Outcome[I, T](index, self._outcomes.items[index], OutcomeStatus.NOT_SENT, cause=cause)
            if index in self._detached or index in self._refused:
                # It is reported when its request ends.
                self._outcomes.record([outcome])
            else:
                self._report([outcome])

    async def _chunks(self, items: Items[Any]) -> AsyncGenerator[Chunk[I], None]:
        # A sequence is checked whole before anything is sent; a stream, block by block.
        operation, options, outcomes = self._operation, self._session.options, self._outcomes
        is_stream = not isinstance(items, Collection)
        most = (BLOCK_SIZE if operation.supersedes else CHUNK_SIZE) if is_stream else None
        pausing: PausingReader[I] | None = None
        if operation.supersedes and is_stream and isinstance(items, AsyncIterable):
            pausing = PausingReader(items, operation.to_request, clock=options.clock, sleep=options.sleep)
        reader = pausing or ItemReader(items, operation.to_request)
        try:
            while not reader.ended:
                stop = await reader.read(most)
                indices: Sequence[int] = (block := outcomes.add(reader.take()))
                if stop is not None and not (operation.supersedes and is_stream):
                    self._stop(stop)
                    return
                # The items before a wrong one are sent first.
                self._input_stop = stop
                if self._journal is not None:
                    if reader.ended and stop is None:
                        self._check_end(block.stop, self._journal)
                    indices = await self._resume(block, self._journal)
                if operation.find_unchanged is not None and self.stop is None:
                    indices = await self._without_unchanged(indices, operation.find_unchanged)
                if self.stop is not None:
                    return
                for chunk in cut(indices, outcomes.items, operation):
                    yield chunk
        finally:
            if pausing is not None:
                await pausing.aclose()
            outcomes.add(reader.take())

    def _check_end(self, count: int, journal: WriteJournal) -> None:
        try:
            journal.check_end(count)
        except ConfigurationError as error:
            self._stop(Stop(error))

    async def _resume(self, block: Sequence[int], journal: WriteJournal, *, append: bool = True) -> Sequence[int]:
        """Note the items of a block, and return the indices of those that an earlier write has not finished."""
        try:
            for start in range(0, len(block), BLOCK_SIZE):
                portion = block[start : start + BLOCK_SIZE]
                items = [self._outcomes.items[index] for index in portion]
                known = await journal.resume(portion[0], items, append=append)
                self._outcomes.record(known.told)
                self._report(known.untold)
                if self._operation.on_repeat_refusal is not None:
                    self._repeated.update(known.repeated)
                self._resumed = portion[-1] + 1
        except ExistAsyncError as error:
            self._stop(Stop(error))
        return self._outcomes.open_indices(block)

    async def _without_unchanged(self, block: Sequence[int], find_unchanged: FindUnchanged[I]) -> Sequence[int]:
        """Report the items of a block that need not be sent, and return the indices of the others.

        The unchanged ones are reported, and those that they supersede. An item is not looked at if an earlier one with
        its key may still change what the service has.
        """
        conflict_key, items = self._operation.conflict_key, self._outcomes.items
        keys = {index: conflict_key(items[index]) for index in block}
        unsettled = set(self._unsettled.values())
        self._unsettled |= keys
        last = {key: index for index, key in keys.items()}
        indices = [index for key, index in last.items() if key not in unsettled]
        try:
            found = [indices[position] for position in await find_unchanged([items[index] for index in indices])]
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and cancelled_by_caller():
                raise
            failure = as_exception(error)
            self._stop(Stop(failure, from_caller=not isinstance(failure, ExistAsyncError)))
            return block
        unchanged = {keys[index]: index for index in found}
        superseded: list[int] = []
        if len(last) < len(block):
            superseded = [index for index in block if unchanged.get(keys[index], index) != index]
        outcomes: list[Outcome[I, T]] = [Outcome(index, items[index], OutcomeStatus.UNCHANGED) for index in found]
        outcomes += [Outcome(index, items[index], OutcomeStatus.SUPERSEDED) for index in superseded]
        for start in range(0, len(outcomes), _REPORTS_BETWEEN_YIELDS):
            await self._settle(outcomes[start : start + _REPORTS_BETWEEN_YIELDS])
            await asyncio.sleep(0)
        return self._outcomes.open_indices(block)

    def _is_uncertain(self, outcome: Outcome[I, T]) -> bool:
        """Whether an item may still change what the service has: an unknown one, or a refused one to be sent again."""
        is_refused = outcome.status is OutcomeStatus.REFUSED
        return outcome.status is OutcomeStatus.UNKNOWN or (is_refused and self._operation.on_refused is not None)

    async def _send_chunk(self, chunk: Chunk[I]) -> bool:
        """Send one chunk, then earlier items in place of invalid ones; report outcomes; return whether to continue."""
        next_chunk: Chunk[I] | None = chunk
        while next_chunk is not None:
            chunk = next_chunk
            outcomes = await self._send_for_outcomes(chunk)
            if self._operation.on_refused is not None and self.stop is None:
                outcomes = await self._report_answered(chunk, outcomes, self._operation.on_refused)
            if chunk.earlier:
                outcomes = self._with_earlier(chunk, outcomes)
            if self._journal is None:
                self._report(outcomes)
            else:
                await self._settle(outcomes)
            if self._refused:
                self._refused = {index: each for index, each in self._refused.items() if index not in chunk.indices}
            next_chunk = self._fallback(chunk, outcomes) if chunk.earlier and self.stop is None else None
        return self.stop is None

    async def _report_answered(
        self, chunk: Chunk[I], outcomes: list[Outcome[I, T]], on_refused: OnRefused[I, T]
    ) -> list[Outcome[I, T]]:
        """Report the outcomes but refusals, handle these, and return their final outcomes."""
        refused = [outcome for outcome in outcomes if outcome.refused_for_itself]
        answered = [outcome for outcome in outcomes if not outcome.refused_for_itself]
        # Kept now, because handling them may be cancelled.
        self._refused.update((outcome.index, outcome) for outcome in refused)
        # A journal notes a refusal after the second try: until then, they are as good as not sent.
        await self._settle(self._with_earlier(chunk, answered), released=refused)
        if self.stop is not None:
            return refused
        try:
            return await self._handle_refused(chunk, refused, on_refused)
        except asyncio.CancelledError:
            # Not noted: a later write handles them.
            self._report(self._with_earlier(chunk, [each for each in refused if each.index not in self._detached]))
            raise

    def _fallback(self, chunk: Chunk[I], outcomes: Sequence[Outcome[I, T]]) -> Chunk[I] | None:
        """Return a chunk of the items before those that were refused as invalid, if there are any."""
        fallback: Chunk[I] = Chunk([], [], chunk.conflict_keys)
        for outcome in outcomes:
            earlier = chunk.earlier.get(outcome.index)
            if earlier and is_invalid(outcome):
                index, item = earlier.pop()
                fallback.indices.append(index)
                fallback.items.append(item)
                fallback.earlier[index] = earlier
        return fallback if fallback.items else None

    async def _send_for_outcomes(self, chunk: Chunk[I]) -> list[Outcome[I, T]]:
        """Send one chunk, and return its outcomes, unless the caller is cancelled."""
        state = CallState(conflict_keys=chunk.conflict_keys)
        if self._journal is not None:
            state.before_sending = partial(self._journal.note_sending, chunk.indices)
            state.when_held_back = partial(self._release, chunk)
        try:
            return await self._send(chunk, state)
        except asyncio.CancelledError as error:
            failure = as_exception(error)
            self._stop(Stop(failure, from_caller=True))
            is_cancelled = cancelled_by_caller()
            # What may have been carried out goes on without a cancelled task. After a 429, nothing was.
            sent = state.detached if is_cancelled else state.sent
            outcomes = outcomes_after_error(chunk, failure, sent=sent)
            if is_cancelled:
                # They are needed if only this task was cancelled, and the write goes on.
                outcomes = self._with_earlier(chunk, outcomes)
                self._interrupted += outcomes
                if state.detached:
                    self._detached.update(outcome.index for outcome in outcomes)
                else:
                    self._note_soon(outcomes)
                raise
            return outcomes
        except Exception as error:  # noqa: BLE001  (errors from outside the package come from the caller's auth or limiter)
            self._stop_after(error)
            return outcomes_after_error(chunk, error, sent=state.sent)

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
            items = [outcomes[index].item for index in indices]
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
                if operation.on_repeat_refusal is not None and (state.lost is not None or index in self._repeated):
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
            outcomes = outcomes_after_error(chunk, reply, sent=True)
        else:
            outcomes = self._outcomes_of(call, chunk, reply, state)
        outcomes = self._with_earlier(chunk, outcomes)
        self._note_soon(outcomes)
        failure = self._report(outcomes)
        log_outcomes(f"{call} was cancelled while it was in flight, and finished", outcomes)
        if failure is not None:
            _log.error("on_outcome raised %s: %s", type(failure).__name__, error_text(failure))

    def _with_earlier(self, chunk: Chunk[I], outcomes: list[Outcome[I, T]]) -> list[Outcome[I, T]]:
        """Return final outcomes, followed by those of the items that were not sent because of theirs."""
        earlier = [
            earlier_outcome
            for outcome in outcomes
            if outcome.index in chunk.earlier and not is_invalid(outcome)
            for earlier_outcome in earlier_outcomes(outcome, chunk.earlier[outcome.index])
        ]
        return outcomes + earlier

    async def _settle(self, outcomes: list[Outcome[I, T]], released: Sequence[Outcome[I, T]] = ()) -> None:
        """Report outcomes, and note them in the journal, in which items are released that may be sent again."""
        if self._journal is None:
            self._report(outcomes)
            return
        as_before = [_as_before(each.index, each.item) for each in released]
        noted = self._journal.note_outcomes([*outcomes, *as_before])
        self._report(outcomes)
        try:
            await noted
        except JournalError as error:
            self._stop(Stop(error))

    def _note_soon(self, outcomes: Sequence[Outcome[I, T]]) -> None:
        """Note outcomes of a cancelled write in the journal, if there is one, without waiting for it.

        Refusals are not noted if they would have been handled: a later write does that.
        """
        if self._journal is None:
            return
        if self._operation.on_refused is not None:
            outcomes = [_as_before(each.index, each.item) if each.refused_for_itself else each for each in outcomes]
        self._journal.note_outcomes(outcomes).add_done_callback(log_failed_note)

    def _release(self, chunk: Chunk[I]) -> None:
        """Note that the items of a chunk are not being sent any more, and that nothing of it was carried out."""
        self._note_soon([_as_before(index, item) for index, item in zip(chunk.indices, chunk.items, strict=True)])

    def _report(self, outcomes: Sequence[Outcome[I, T]]) -> Exception | None:
        """Record outcomes and call the caller's callback; return the error that it raises, which stops the write."""
        self._outcomes.record(outcomes)
        for outcome in outcomes if self._unsettled else ():
            if not self._is_uncertain(outcome):
                self._unsettled.pop(outcome.index, None)
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
        # The caller's own error comes before one of the journal, and that before those of requests.
        if self.stop is None or _rank(stop) > _rank(self.stop):
            self.stop = stop


def _as_before(index: int, item: I) -> Outcome[I, Any]:
    """Return the outcome for a journal to leave an item as it was."""
    return Outcome(index, item, OutcomeStatus.NOT_SENT)


def _rank(stop: Stop) -> int:
    return 2 if stop.from_caller else int(isinstance(stop.error, JournalError))


def _text(value: object, state: CallState) -> str | None:
    """Return Exist's code or message, which is not always a string, without the token that it may repeat."""
    text = as_text(value)
    return None if text is None else redact(text, secret_in(state.authorization))
