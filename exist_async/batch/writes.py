"""Sends the items of a write, 35 a request, and sees to it that each gets its outcome."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Collection, Iterator
from contextlib import aclosing
from typing import Any, Generic, TypeVar

from attrs import frozen

from exist_async._http import chunks
from exist_async._http.call import Call
from exist_async._http.chunks import Chunk
from exist_async._http.converter import converter
from exist_async._http.responses import unknown
from exist_async._http.session import Session
from exist_async.batch.items import Items, check_items, read_items
from exist_async.batch.outcomes import BatchResult, Outcome, OutcomeStatus, conclude
from exist_async.batch.replies import Failure, Reply, Subject, lay
from exist_async.errors import (
    AuthenticationError,
    ClientClosedError,
    ConnectionFailedError,
    ExistAsyncError,
    PermissionDeniedError,
    RateLimitError,
    StatusError,
)

I = TypeVar("I")  # noqa: E741  (the letter for an item, as T is for an answer)
T = TypeVar("T")

CHUNK_SIZE = 35
"""The most objects that Exist takes in one request."""

# After these, the next request would end the same way.
_STOPS = (AuthenticationError, PermissionDeniedError, RateLimitError, ClientClosedError)
_NOT_DONE = (ConnectionFailedError, RateLimitError, ClientClosedError)


@frozen
class Endpoint(Generic[I, T]):
    """How one kind of write is made.

    Attributes:
        path: Its path on the service's origin.
        query: Its encoded query.
        repeatable: Whether sending a request twice is harmless.
        one_of_each: Whether two items about one thing go into two requests, because they can have different fates and
            the reply would not say whose is whose.
        reply: The type of its reply.
        prepare: Makes the request model of what the caller gave, or raises a ConfigurationError.
        subject: What an item is about.
        subjects_of: What an entry of the reply may be about.
    """

    path: str
    query: str
    repeatable: bool
    one_of_each: bool
    reply: type[Reply[T]]
    prepare: Callable[[Any], I]
    subject: Callable[[I], Subject]
    subjects_of: Callable[[T | Failure], Collection[Subject]]


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
    sending = Write(session, endpoint, on_outcome)
    await sending.run(items)
    return conclude(sending.result, sending.stopped_by)


class Write(Generic[I, T]):
    """One write under way: what was read of its items, and what became of them.

    Attributes:
        stopped_by: What ended it before its time: an error that the next request would meet too, a wrong item, or
            whatever the caller's stream or callback raised.
    """

    def __init__(
        self, session: Session, endpoint: Endpoint[I, T], on_outcome: Callable[[Outcome[I, T]], None] | None = None
    ) -> None:
        self.stopped_by: Exception | None = None
        self._session = session
        self._endpoint = endpoint
        self._on_outcome = on_outcome
        self._items: list[I] = []
        self._outcomes: list[Outcome[I, T] | None] = []

    @property
    def result(self) -> BatchResult[I, T]:
        """The outcomes of all items that were read."""
        return BatchResult(tuple(outcome for outcome in self._outcomes if outcome is not None))

    async def run(self, items: Items[Any]) -> None:
        """Send all items. Afterwards each that was read has its outcome, whatever happened on the way."""
        check_items(items)
        async with aclosing(self._cut(items)) as chunked:
            await chunks.run(chunked, self._send, concurrency=self._session.options.concurrency)
        for index, item in enumerate(self._items):
            if self._outcomes[index] is None:
                self._tell([Outcome(index, item, OutcomeStatus.NOT_SENT, cause=self.stopped_by)])

    async def _cut(self, items: Items[Any]) -> AsyncGenerator[Chunk[I], None]:
        # What can be looked at twice is checked whole before anything is sent; a stream chunk by chunk.
        most = None if isinstance(items, Collection) else CHUNK_SIZE
        stream = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
        while True:
            start = len(self._items)
            prepared, error = await read_items(stream, self._endpoint.prepare, start=start, most=most)
            self._items += prepared
            self._outcomes += [None] * len(prepared)
            if error is not None:
                self._stop(error)
                return
            for chunk in self._chunks(start):
                yield chunk
            if most is None or len(prepared) < most:
                return

    def _chunks(self, start: int) -> Iterator[Chunk[I]]:
        """Cut the items from an index on."""
        subject, one_of_each = self._endpoint.subject, self._endpoint.one_of_each
        chunk: Chunk[I] = Chunk(start, [], set())
        for item in self._items[start:]:
            _, thing = subject(item)
            if len(chunk.items) == CHUNK_SIZE or (one_of_each and thing in chunk.things):
                yield chunk
                chunk = Chunk(chunk.start + len(chunk.items), [], set())
            chunk.items.append(item)
            chunk.things.add(thing)
        if chunk.items:
            yield chunk

    async def _send(self, chunk: Chunk[I]) -> bool:
        """Send one chunk, note its outcomes, and say whether to go on."""
        endpoint = self._endpoint
        body = converter.dumps_each(chunk.items)
        call = Call("POST", endpoint.path, endpoint.query, body, repeatable=endpoint.repeatable)
        try:
            reply = await self._session.fetch(call, endpoint.reply)
        except Exception as error:  # noqa: BLE001  (what is not of our tree is their auth's or their limiter's)
            if isinstance(error, _STOPS) or not isinstance(error, ExistAsyncError):
                self._stop(error)
            outcomes = _outcomes_without_answer(chunk, error)
        else:
            outcomes = self._outcomes_of(chunk, reply, call)
        self._tell(outcomes)
        return self.stopped_by is None

    def _outcomes_of(self, chunk: Chunk[I], reply: Reply[T], call: Call) -> list[Outcome[I, T]]:
        answers = lay(list(map(self._endpoint.subject, chunk.items)), reply, self._endpoint.subjects_of)
        left_out = sum(answer is None for answer in answers)
        cause = unknown(call, f"the reply leaves out {left_out} of {len(answers)} items") if left_out else None
        outcomes: list[Outcome[I, T]] = []
        for index, (item, answer) in enumerate(zip(chunk.items, answers, strict=True), chunk.start):
            if answer is None:
                outcomes.append(Outcome(index, item, OutcomeStatus.UNKNOWN, cause=cause))
            elif isinstance(answer, Failure):
                code, error = answer.error_code, answer.error
                outcomes.append(Outcome(index, item, OutcomeStatus.REFUSED, error_code=_text(code), error=_text(error)))
            else:
                outcomes.append(Outcome(index, item, OutcomeStatus.SUCCEEDED, value=answer))
        return outcomes

    def _tell(self, outcomes: list[Outcome[I, T]]) -> None:
        for outcome in outcomes:
            self._outcomes[outcome.index] = outcome
        if self._on_outcome is None:
            return
        try:
            for outcome in outcomes:
                self._on_outcome(outcome)
        except Exception as error:  # noqa: BLE001  (the caller's own, of any class: it reaches them with the result)
            self._on_outcome = None
            self._stop(error)

    def _stop(self, error: Exception) -> None:
        if self.stopped_by is None:
            self.stopped_by = error


def _outcomes_without_answer(chunk: Chunk[I], error: Exception) -> list[Outcome[I, Any]]:
    if isinstance(error, _NOT_DONE):
        status = OutcomeStatus.NOT_SENT
    elif isinstance(error, StatusError):
        status = OutcomeStatus.REFUSED
    else:
        status = OutcomeStatus.UNKNOWN
    return [Outcome(index, item, status, cause=error) for index, item in enumerate(chunk.items, chunk.start)]


def _text(value: object) -> str | None:
    """Return what Exist said as text; it is not always a string."""
    return value if value is None or isinstance(value, str) else converter.dumps(value).decode()
