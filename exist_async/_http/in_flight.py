"""Waits and writes in progress: closing the client ends the waits, and waits for the writes."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from exist_async._concurrency import running_loop
from exist_async._http.call import CallState
from exist_async.errors import ClientClosedError

T = TypeVar("T")

_CLOSED = "The client was closed while this call waited to be sent."


@frozen(eq=False, repr=False)
class Answer(Generic[T]):
    """A decoded answer. It has no repr: asyncio's debug log shows the results of tasks, and this may repeat a token."""

    value: T = field(repr=False)


class InFlight:
    """The waits and the writes in progress on one client, over all its event loops.

    Attributes:
        detached: The writes that go on without their callers, each with its user.
    """

    __slots__ = ("_ended", "_waits", "_writes", "detached")

    def __init__(self) -> None:
        self._ended = False
        self._waits: dict[asyncio.Timeout, asyncio.AbstractEventLoop] = {}
        # Event loops hold only weak references to their tasks.
        self._writes: dict[asyncio.Task[Any], tuple[Hashable, CallState]] = {}
        self.detached: dict[asyncio.Task[Any], tuple[Hashable, CallState]] = {}

    async def wait_for(self, waiting: Coroutine[Any, Any, T]) -> T:
        """Return what something that is awaited returns, such as a pause.

        Raises:
            ClientClosedError: The client is closed, or was closed meanwhile.
        """
        if self._ended:
            waiting.close()
            raise ClientClosedError(_CLOSED)
        # A timeout without an end is the cheapest way to end a wait from outside.
        wait = asyncio.timeout(None)
        try:
            async with wait:
                self._waits[wait] = asyncio.get_running_loop()
                try:
                    return await waiting
                finally:
                    self._waits.pop(wait, None)
        except TimeoutError:
            if wait.expired():
                raise ClientClosedError(_CLOSED) from None
            raise

    def end_waits(self) -> None:
        """End all waits, each on its own event loop, and allow no more."""
        self._ended = True
        for wait, loop in list(self._waits.items()):
            # A closed loop has nothing left that waits.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._end_wait, wait)

    async def run_write(
        self,
        attempt: Callable[[], Coroutine[Any, Any, Answer[T]]],
        state: CallState,
        user: Hashable,
        on_late: Callable[[asyncio.Task[Answer[T]]], object],
    ) -> Answer[T]:
        """Await an attempt at a write of a user. If the caller is cancelled after it got its connection, it goes on.

        Aborting it would leave its result unknown. `on_late` is then called with the finished attempt.
        """
        write = asyncio.create_task(attempt())
        self._writes[write] = user, state
        write.add_done_callback(self._writes.pop)
        # Cancelling this future leaves the write alone. asyncio.wait() would do the same at twice the cost.
        ended: asyncio.Future[None] = write.get_loop().create_future()
        write.add_done_callback(partial(_resolve, ended))
        try:
            await ended
        except asyncio.CancelledError:
            if state.connected:
                state.detached = True
                self.detached[write] = user, state
                write.add_done_callback(on_late)
                write.add_done_callback(self.detached.pop)
            else:
                write.cancel()
                write.add_done_callback(_retrieve)
            raise
        return write.result()

    def keys_of_writes(self, user: Hashable) -> set[Hashable]:
        """Return the conflict keys of a user's writes in progress."""
        writes = list(self._writes.values())
        return {key for its_user, state in writes if its_user == user for key in state.conflict_keys}

    async def wait_for_detached(self, state: CallState, user: Hashable, seconds: float | None) -> bool:
        """Wait for the user's writes that change the same and go on without their callers, `seconds` at most.

        Such a write could otherwise be carried out after this later one, and bring back the older value. Returns
        whether all of them have ended.
        """
        loop = asyncio.get_running_loop()
        writes = [
            write
            for write, (its_user, its_state) in list(self.detached.items())
            if its_user == user
            and write.get_loop() is loop
            and not state.conflict_keys.isdisjoint(its_state.conflict_keys)
        ]
        if writes:
            await self.wait_for(_wait(writes, seconds))
        return all(write.done() for write in writes)

    async def join_writes(self, seconds: float) -> None:
        """Wait until the writes of the running event loop have ended, `seconds` at most."""
        loop = running_loop()
        writes = [write for write in list(self._writes) if write.get_loop() is loop]
        if writes:
            await asyncio.wait(writes, timeout=seconds)

    def _end_wait(self, wait: asyncio.Timeout) -> None:
        # A wait that has ended meanwhile must not be touched any more.
        if self._waits.pop(wait, None) is not None:
            wait.reschedule(asyncio.get_running_loop().time())


async def _wait(writes: "list[asyncio.Task[Any]]", seconds: float | None) -> None:
    await asyncio.wait(writes, timeout=seconds)


def _resolve(ended: "asyncio.Future[None]", _: "asyncio.Task[Any]") -> None:
    if not ended.done():
        ended.set_result(None)


def _retrieve(write: "asyncio.Task[Any]") -> None:
    """Retrieve the error of a write that was not sent, or asyncio would log that it was never retrieved."""
    if not write.cancelled():
        write.exception()
