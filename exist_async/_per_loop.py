"""Opens a resource on each event loop that uses it, and closes it before the loop."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from attrs import frozen

from exist_async._concurrency import running_loop

T = TypeVar("T")

# Event loops hold only weak references to their tasks.
_closing: set[asyncio.Task[None]] = set()


@frozen(eq=False)
class _Opened(Generic[T]):
    resource: T
    generator: AsyncGenerator[T, None]
    process: int


class PerLoop(Generic[T]):
    """A resource of each event loop, such as a connection pool, which can't be used on another one.

    Args:
        open_resource: Yields the resource once, and closes it when the generator is closed. asyncio.run() does that
            before it closes the loop, so that no program has to call `aclose`. It must not suspend before it yields.
    """

    def __init__(self, open_resource: Callable[[], AsyncGenerator[T, None]]) -> None:
        self._open_resource = open_resource
        self._opened: dict[asyncio.AbstractEventLoop, _Opened[T]] = {}

    async def get(self) -> T:
        """Return the resource of the running event loop, which is opened if there is none yet."""
        loop = asyncio.get_running_loop()
        here = self._opened.get(loop)
        if here is None or here.process != os.getpid():
            # A process that was forked leaves its parent's alone.
            for closed in [each for each in list(self._opened) if each.is_closed()]:
                del self._opened[closed]
            generator = self._open_resource()
            here = self._opened[loop] = _Opened(await anext(generator), generator, os.getpid())
        return here.resource

    async def aclose(self) -> None:
        """Close the resource of this event loop; those of other loops are closed there soon afterwards."""
        running = running_loop()
        opened, self._opened = self._opened, {}
        for loop, there in opened.items():
            if loop is running:
                await there.generator.aclose()
                continue
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(_close_soon, loop, there.generator)


def _close_soon(loop: asyncio.AbstractEventLoop, generator: AsyncGenerator[object, None]) -> None:
    async def close() -> None:
        await generator.aclose()

    task = loop.create_task(close())
    _closing.add(task)
    task.add_done_callback(_closing.discard)
