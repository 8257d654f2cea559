"""Sends the items of a write, 35 a request, and sees to it that each gets its outcome."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Generic, TypeVar

from exist_async._concurrency import Chunk, as_exception, cancelled_by_caller, run_chunks
from exist_async._http.call import Call
from exist_async._http.course import Answer, Fate
from exist_async._http.responses import unknown
from exist_async._http.session import Session
from exist_async._json import encode, encode_each
from exist_async.batch.endpoint import Endpoint, Remedy
from exist_async.batch.items import ItemReader, Items, Stop, check_items
from exist_async.batch.late import log_cancelled, log_late
from exist_async.batch.replies import Failure, Reply, lay
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
from exist_async.outcomes import BatchResult, Outcome, OutcomeStatus, count_by_status, distinct_causes, error_text

I = TypeVar("I")  # noqa: E741  (the letter for an item, as T is for an answer)
T = TypeVar("T")

CHUNK_SIZE = 35
"""The most objects that Exist takes in one request."""

# After these, the next request would end the same way.
_STOPS = (
    AuthenticationError,
    PermissionDeniedError,
    RateLimitError,
    ClientClosedError,
    DeadlineExceededError,
    OAuthError,
)
_NOT_DONE = (
    ConfigurationError,
    ConnectionFailedError,
    RateLimitError,
    ClientClosedError,
    DeadlineExceededError,
    OAuthError,
)


async def write(
    session: Session,
    endpoint: Endpoint[I, T],
    items: Items[Any],
    on_outcome: Callable[[Outcome[I, T]], None] | None = None,
) -> BatchResult[I, T]:
    """Send all items, and return their outcomes if each was answered.

    Raises:
        ConfigurationError: An item is wrong. Of a sequence none was sent; of a stream, none of its chunk and after.
        ExistAsyncError: Some item has no answer. The error's `result` holds every outcome.
    """
    check_items(items, on_outcome)
    sending = Write(session.begin(), endpoint, on_outcome)
    await sending.run(items)
    return conclude(sending.result, sending.stop)


class Write(Generic[I, T]):
    """One write under way: what was read of its items, and what became of them.

    Attributes:
        stop: What ended it before its time.
    """

    def __init__(
        self, session: Session, endpoint: Endpoint[I, T], on_outcome: Callable[[Outcome[I, T]], None] | None = None
    ) -> None:
        self.stop: Stop | None = None
        self._session = session
        self._endpoint = endpoint
        self._on_outcome = on_outcome
        self._items: list[I] = []
        # At the indices of the items that were read.
        self._outcomes: list[Outcome[I, T] | None] = []
        self._interrupted: list[Outcome[I, T]] = []
        self._told_late: set[int] = set()

    @property
    def result(self) -> BatchResult[I, T]:
        """The outcomes of all items that were read, once it has run."""
        outcomes = tuple(outcome for outcome in self._outcomes if outcome is not None)
        assert len(outcomes) == len(self._items)
        return BatchResult(outcomes)

    async def run(self, items: Items[Any]) -> None:
        """Send all items. Afterwards each that was read has its outcome, whatever happened on the way."""
        await self._session.prepare()
        try:
            async with aclosing(self._cut(items)) as chunked:
                await run_chunks(chunked, self._send, concurrency=self._session.options.concurrency)
        except asyncio.CancelledError:
            known = [outcome for outcome in self._outcomes if outcome is not None]
            early = [outcome for outcome in known if outcome.index not in self._told_late]
            log_cancelled(f"POST {self._endpoint.path}", early)
            raise
        self._note([outcome for outcome in self._interrupted if self._outcomes[outcome.index] is None])
        cause = self.stop.error if self.stop is not None else None
        for index, item in enumerate(self._items):
            if self._outcomes[index] is None:
                self._tell([Outcome(index, item, OutcomeStatus.NOT_SENT, cause=cause)])

    async def _cut(self, items: Items[Any]) -> AsyncGenerator[Chunk[I], None]:
        # What can be looked at twice is checked whole before anything is sent; a stream chunk by chunk.
        most = None if isinstance(items, Collection) else CHUNK_SIZE
        reader = ItemReader(items)
        while True:
            start = len(self._items)
            try:
                stop = await reader.read(self._endpoint.prepare, self._items, most)
            finally:
                self._outcomes += [None] * (len(self._items) - start)
            if stop is None:
                stop = await self._complete(start)
            if stop is not None:
                self._stop(stop)
                return
            for chunk in self._chunks(start):
                yield chunk
            if most is None or len(self._items) - start < most:
                return

    async def _complete(self, start: int) -> Stop | None:
        """Fill in what the caller left out of the items from an index on."""
        if self._endpoint.complete is None:
            return None
        try:
            self._items[start:] = await self._endpoint.complete(self._items[start:])
        except asyncio.CancelledError as error:
            if cancelled_by_caller():
                raise
            return Stop(as_exception(error), callers_own=True)
        except Exception as error:  # noqa: BLE001  (what is not of our tree is their auth's or their limiter's)
            return Stop(error, callers_own=not isinstance(error, ExistAsyncError))
        return None

    def _chunks(self, start: int) -> Iterator[Chunk[I]]:
        """Cut the items from an index on; what may not share a request with an earlier one goes into a later round."""
        thing_of = self._endpoint.thing
        places: Sequence[int] = range(start, len(self._items))
        # Found out first, so that of a long list no more than these is remembered while it is sent.
        repeated = _repeated(thing_of(self._items[place]) for place in places) if self._endpoint.one_of_each else ()
        while places:
            again: list[int] = []
            seen: set[Hashable] = set()
            chunk: Chunk[I] = Chunk([], [], set())
            for place in places:
                item = self._items[place]
                thing = thing_of(item)
                if repeated and thing in repeated:
                    if thing in seen:
                        again.append(place)
                        continue
                    seen.add(thing)
                chunk.indices.append(place)
                chunk.items.append(item)
                chunk.conflict_keys.add(thing)
                if len(chunk.items) == CHUNK_SIZE:
                    yield chunk
                    chunk = Chunk([], [], set())
            if chunk.items:
                yield chunk
            places = again

    async def _send(self, chunk: Chunk[I]) -> bool:
        """Send one chunk, note its outcomes, and say whether to go on."""
        outcomes = await self._attempt(chunk)
        if self._endpoint.remedy is not None and self.stop is None:
            refused = [outcome for outcome in outcomes if outcome.refused_for_itself]
            self._tell([outcome for outcome in outcomes if not outcome.refused_for_itself])
            # They stand if the rest is cancelled.
            self._note(refused)
            try:
                outcomes = await self._remedied(chunk, refused, self._endpoint.remedy) if self.stop is None else refused
            except asyncio.CancelledError:
                self._tell([outcome for outcome in refused if outcome.index not in self._told_late])
                raise
        self._tell(outcomes)
        return self.stop is None

    async def _attempt(self, chunk: Chunk[I]) -> list[Outcome[I, T]]:
        """Send one chunk, and return its outcomes, whatever happens."""
        fate = Fate()
        try:
            return await self._answered(chunk, fate)
        except asyncio.CancelledError as error:
            failure = as_exception(error)
            self._stop(Stop(failure, callers_own=True))
            outcomes = _outcomes_without_answer(chunk, failure, sent=fate.sent)
            if cancelled_by_caller():
                # Of the whole write, and nobody sees this; of this task alone, and the outcomes have to be there.
                self._interrupted += outcomes
                if fate.alone:
                    self._told_late.update(chunk.indices)
                raise
            return outcomes
        except Exception as error:  # noqa: BLE001  (what is not of our tree is their auth's or their limiter's)
            self._heed(error)
            return _outcomes_without_answer(chunk, error, sent=fate.sent)

    async def _remedied(
        self, chunk: Chunk[I], outcomes: list[Outcome[I, T]], remedy: Remedy[I, T]
    ) -> list[Outcome[I, T]]:
        """Send what was refused a second time, if something can be done for it."""
        remedied = await remedy(outcomes)
        decided = {outcome.index: outcome for outcome in [*outcomes, *remedied.outcomes]}
        for outcome in remedied.outcomes:
            if outcome.cause is not None:
                self._heed(outcome.cause)
        if remedied.again and self.stop is None:
            places = [place for place in chunk.indices if place in remedied.again]
            repeated = Chunk(places, [self._items[place] for place in places], chunk.conflict_keys)
            decided.update((outcome.index, outcome) for outcome in await self._attempt(repeated))
        return list(decided.values())

    async def _answered(self, chunk: Chunk[I], fate: Fate) -> list[Outcome[I, T]]:
        endpoint = self._endpoint
        try:
            body = encode_each(chunk.items)
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"an item can't be written as JSON: {error}") from error
        call = Call("POST", endpoint.path, endpoint.query, body, repeatable=endpoint.repeatable)
        late = partial(self._ended_late, call, chunk)
        answer = await self._session.deliver(call, endpoint.reply, late, fate)
        return self._laid(call, chunk, answer)

    def _laid(self, call: Call, chunk: Chunk[I], reply: Answer[Reply[T]]) -> list[Outcome[I, T]]:
        """Return what a reply says of each item of its request."""
        endpoint = self._endpoint
        answers = lay(list(map(endpoint.subject, chunk.items)), reply.value, endpoint.subjects_of)
        left_out = sum(answer is None for answer in answers)
        cause = unknown(call, f"the reply leaves out {left_out} of {len(answers)} items") if left_out else None
        outcomes: list[Outcome[I, T]] = []
        for index, item, answer in zip(chunk.indices, chunk.items, answers, strict=True):
            if answer is None:
                outcomes.append(Outcome(index, item, OutcomeStatus.UNKNOWN, cause=cause))
            elif isinstance(answer, Failure):
                code, words = _text(answer.error_code, reply.hide), _text(answer.error, reply.hide)
                outcome: Outcome[I, T] = Outcome(index, item, OutcomeStatus.REFUSED, error_code=code, error=words)
                if reply.repeated and endpoint.second_time is not None:
                    outcome = endpoint.second_time(outcome)
                outcomes.append(outcome)
            else:
                if endpoint.share is not None:
                    endpoint.share(item, answer)
                outcomes.append(Outcome(index, item, OutcomeStatus.SUCCEEDED, value=answer))
        return outcomes

    def _ended_late(self, call: Call, chunk: Chunk[I], answer: Answer[Reply[T]] | Exception) -> None:
        """Tell the outcomes of a request that was under way when the write was cancelled: to the log, as well."""
        if isinstance(answer, Exception):
            outcomes = _outcomes_without_answer(chunk, answer, sent=True)
        else:
            outcomes = self._laid(call, chunk, answer)
        log_late(call, outcomes, self._tell(outcomes))

    def _note(self, outcomes: Sequence[Outcome[I, T]]) -> None:
        for outcome in outcomes:
            self._outcomes[outcome.index] = outcome

    def _tell(self, outcomes: Sequence[Outcome[I, T]]) -> Exception | None:
        """Note outcomes, tell the caller, and return what their callback raised, which stops the write."""
        self._note(outcomes)
        if self._on_outcome is None:
            return None
        try:
            for outcome in outcomes:
                self._on_outcome(outcome)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  (it reaches the caller with the result)
            self._on_outcome = None
            failure = as_exception(error)
            self._stop(Stop(failure, callers_own=True))
            return failure
        return None

    def _heed(self, error: Exception) -> None:
        """Stop after an error that the next request would end in, too."""
        own = isinstance(error, ExistAsyncError)
        if isinstance(error, _STOPS) or not own:
            self._stop(Stop(error, callers_own=not own))

    def _stop(self, stop: Stop) -> None:
        if self.stop is None or (stop.callers_own and not self.stop.callers_own):
            self.stop = stop


def _repeated(things: Iterable[Hashable]) -> set[Hashable]:
    """Return those that come more than once."""
    seen: set[Hashable] = set()
    repeated: set[Hashable] = set()
    for thing in things:
        (repeated if thing in seen else seen).add(thing)
    return repeated


def _outcomes_without_answer(chunk: Chunk[I], error: Exception, *, sent: bool) -> list[Outcome[I, Any]]:
    if isinstance(error, _NOT_DONE) or not (sent or isinstance(error, ExistAsyncError)):
        status = OutcomeStatus.NOT_SENT
    elif isinstance(error, StatusError):
        status = OutcomeStatus.REFUSED
    else:
        status = OutcomeStatus.UNKNOWN
    return [Outcome(index, item, status, cause=error) for index, item in zip(chunk.indices, chunk.items, strict=True)]


def _text(value: object, hide: Callable[[str], str]) -> str | None:
    """Return what Exist said as text; it is not always a string."""
    if value is None:
        return None
    try:
        return hide(value if isinstance(value, str) else encode(value).decode())
    except RecursionError:
        return "(nested too deeply to be shown)"


def conclude(result: BatchResult[I, T], stop: Stop | None = None) -> BatchResult[I, T]:
    """Return a result in which every item succeeded or was refused for itself, or raise the error that says why not."""
    unanswered = [
        outcome
        for outcome in result.outcomes
        if outcome.status is not OutcomeStatus.SUCCEEDED and not outcome.refused_for_itself
    ]
    errors = distinct_causes(unanswered)
    if stop is not None and stop.callers_own:
        errors = (stop.error, *(error for error in errors if error is not stop.error))
        raise BatchError(
            f"The write was stopped by {type(stop.error).__name__}: {error_text(stop.error)}, of "
            f"{count_by_status(result)}",
            result=result,
            errors=errors,
        ) from stop.error
    if stop is not None and isinstance(stop.error, ConfigurationError):
        stop.error.result = result
        raise stop.error
    if not unanswered:
        return result
    classes = {type(error) for error in errors}
    # That a step on the way may have been carried out says nothing of items that were not sent after it.
    fitting = classes != {OutcomeUnknownError} or bool(result.unknown)
    if not result.succeeded and len(classes) == 1 and fitting and isinstance(errors[0], ExistAsyncError):
        errors[0].result = result
        raise errors[0]
    raise BatchError(
        f"Not every item was answered, of {count_by_status(result)}. {'; '.join(map(error_text, errors[:3]))}",
        result=result,
        errors=errors,
    ) from next(iter(errors), None)
