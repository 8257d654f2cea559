"""Runs jobs and chunks of items concurrently, in bounded numbers, and shares a limited resource between users."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

from attrs import field, frozen

T = TypeVar("T")


async def ordered_map(
    jobs: Iterable[Callable[[], Awaitable[T]]], *, concurrency: int, ahead: int | None = None
) -> AsyncGenerator[T, None]:
    """Run jobs concurrently and yield their results in the order of the jobs.

    Up to `ahead` jobs are started ahead of the reader: by default twice `concurrency`, so that a slow one does not
    delay those after it. The iterable is read no further than that. A job's error is raised in place of its result.
    Close the generator when leaving it early: that cancels the jobs that were started.
    """
    free = asyncio.Semaphore(concurrency)
    ahead = 2 * concurrency if ahead is None else ahead

    async def run(job: Callable[[], Awaitable[T]]) -> T:
        async with free:
            return await job()

    started: deque[asyncio.Task[T]] = deque()
    waiting = iter(jobs)
    try:
        while True:
            while len(started) < ahead and (job := next(waiting, None)) is not None:
                started.append(asyncio.create_task(run(job)))
                # Starting all jobs at once would block the event loop.
                await asyncio.sleep(0)
            if not started:
                return
            result = await started[0]
            started.popleft()
            yield result
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)


@frozen(eq=False, repr=False)
class Chunk(Generic[T]):
    """Items that are sent in one request.

    Attributes:
        indices: The index of each item among all items.
        items: The items.
        conflict_keys: Keys of what the items change: chunks with a common key never run at the same time.
        earlier: The indices and items that are not sent because an item of this chunk supersedes them, by its index.
    """

    indices: list[int]
    items: list[T]
    conflict_keys: set[Hashable]
    earlier: dict[int, list[tuple[int, T]]] = field(factory=dict[int, list[tuple[int, T]]])


async def run_chunks(
    chunks: AsyncIterator[Chunk[T]], work: Callable[[Chunk[T]], Awaitable[bool]], *, concurrency: int
) -> None:
    """Process chunks, at most `concurrency` at once; those with a common conflict key one after another, in order.

    A chunk is requested only after the one before has started, so at most `concurrency` + 1 of them are in memory.
    `work` processes one chunk, and returns whether to continue: after False no further chunk is started. Neither it nor
    the iterator of chunks must raise.
    """
    running: dict[asyncio.Task[None], set[Hashable]] = {}
    busy: set[Hashable] = set()
    continuing = True
    reading: asyncio.Timeout | None = None

    async def run(chunk: Chunk[T]) -> None:
        nonlocal continuing
        if not await work(chunk) and continuing:
            continuing = False
            if reading is not None:
                # A stream may be slow: stop waiting for its next item.
                reading.reschedule(asyncio.get_running_loop().time())

    async with asyncio.TaskGroup() as tasks:
        while continuing:
            try:
                async with asyncio.timeout(None) as reading:
                    chunk = await anext(chunks)
            except (StopAsyncIteration, TimeoutError):
                break
            reading = None
            while continuing and (len(running) >= concurrency or not busy.isdisjoint(chunk.conflict_keys)):
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    busy -= running.pop(task)
            if continuing:
                running[tasks.create_task(run(chunk))] = chunk.conflict_keys
                busy |= chunk.conflict_keys
        reading = None


def cancelled_by_caller() -> bool:
    """Whether the running task itself was cancelled, not something that it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def as_exception(error: BaseException) -> Exception:
    """Return an error of the caller's code as an Exception: its CancelledError would seem to be the caller's own."""
    return error if isinstance(error, Exception) else InterruptedError(f"cancelled from inside: {error!r}")


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the running event loop of asyncio; None outside of one, and under another library such as trio."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


_Turns = OrderedDict["asyncio.Future[None]", None]


class FairQueue:
    """Calls that wait for a connection. The next goes to the user that holds the fewest, so that none keeps all.

    Users that hold equally many take turns. The calls of one user proceed in their order.

    Attributes:
        waiting: The turns of each user's calls.
    """

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: OrderedDict[Hashable, _Turns] = OrderedDict()

    def join(self, user: Hashable) -> "asyncio.Future[None]":
        """Return the turn of a call, which is done when the call is handed a connection."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if user not in self.waiting:
            self.waiting[user] = _Turns()
        self.waiting[user][turn] = None
        return turn

    def leave(self, user: Hashable, turn: "asyncio.Future[None]") -> bool:
        """Give up a turn, and return whether it had not come yet: otherwise the caller holds a connection."""
        if turn.done() and not turn.cancelled():
            return False
        turns = self.waiting.get(user, _Turns())
        turns.pop(turn, None)
        if not turns:
            self.waiting.pop(user, None)
        return True

    def hand_over(self, held: dict[Hashable, int]) -> bool:
        """Hand a connection to the next call, and return whether one was waiting.

        Args:
            held: The number of connections that each user holds, for those that hold any. It is updated.
        """
        while self.waiting:
            user = self._next_user(held)
            turns = self.waiting[user]
            turn, _ = turns.popitem(last=False)
            if turns:
                self.waiting.move_to_end(user)
            else:
                del self.waiting[user]
            if not turn.done():  # a call that was cancelled may not have left yet
                turn.set_result(None)
                held[user] = held.get(user, 0) + 1
                return True
        return False

    def _next_user(self, held: dict[Hashable, int]) -> Hashable:
        # No more users hold a connection than there are connections: the search is short, however many wait.
        for user in self.waiting:
            if user not in held:
                return user
        return min(self.waiting, key=held.__getitem__)
