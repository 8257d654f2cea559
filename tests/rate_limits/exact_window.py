"""A service that counts arrivals in an exact moving window, behind a network with delays."""

import asyncio
import bisect
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from attrs import define, field

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"username":"ada"}'
REFUSAL = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}"


@define
class ExactWindow:
    """Lets in `limit` requests in any `period` seconds, each `delay()` seconds after it was sent."""

    limit: int
    period: float
    delay: Callable[[], float]
    let_in: list[float] = field(factory=list[float])
    refused: int = 0
    connections: int = 0
    url: str = ""
    handlers: set[asyncio.Task[None]] = field(factory=set[asyncio.Task[None]])

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.handlers.add(task)
        task.add_done_callback(self.handlers.discard)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(self.delay())
                now = time.monotonic()
                if len(self.let_in) - bisect.bisect_right(self.let_in, now - self.period) < self.limit:
                    self.let_in.append(now)
                    writer.write(ANSWER)
                else:
                    self.refused += 1
                    writer.write(REFUSAL)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client, or the test, is done
        finally:
            writer.close()


@asynccontextmanager
async def exact_window(
    limit: int, period: float, delay: Callable[[], float] = lambda: random.uniform(0, 0.1)
) -> AsyncGenerator[ExactWindow, None]:
    window = ExactWindow(limit, period, delay)
    server = await asyncio.start_server(window.handle, "127.0.0.1", 0)
    window.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield window
        # Since Python 3.12 a server waits for its connections, however long an answer takes.
        for handler in window.handlers:
            handler.cancel()
