"""Helpers of several tests."""

import asyncio
import inspect
import itertools
import json
import numbers
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import httpx

from exist_async import BatchResult, ByName, ExistClient, OutcomeStatus
from exist_async.sandbox import Sandbox

Answering = Callable[..., ExistClient]
"""The fixture `answering`: makes a client of a service that answers as a function says."""


Mount = Callable[..., None]
"""The fixture `mount`: takes the arguments of the program mount, the last of which is the target."""


class HeldService:
    """Answers requests with success once it may, and counts them."""

    def __init__(self) -> None:
        self.requests = 0
        self.may_answer = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        await self.may_answer.wait()
        return succeed(request)


@contextmanager
def refusing_url() -> Iterator[str]:
    """Yield a URL of this machine that refuses connections. No server is given its port meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


class Int64:
    """A whole number of another library's, such as numpy's."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __int__(self) -> int:
        return self._value


numbers.Integral.register(Int64)


class Timedelta64(Int64):
    """A duration of numpy's: an integer to Python, which counts minutes, nanoseconds or another unit."""

    dtype = SimpleNamespace(kind="m")


class Bool:
    """A boolean of numpy's: neither a bool nor a number to Python. With a shape, an array of booleans."""

    dtype = SimpleNamespace(kind="b")

    def __init__(self, value: bool, shape: tuple[int, ...] = ()) -> None:
        self._value = value
        self.shape = shape

    def __bool__(self) -> bool:
        return self._value


def names(count: int) -> list[ByName]:
    return [ByName(f"tag_{n}") for n in range(count)]


def with_tags(sandbox: Sandbox, count: int) -> list[ByName]:
    for name in names(count):
        sandbox.add_attribute(name=name.name)
    return names(count)


def succeed(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"success": json.loads(request.content), "failed": []})


def statuses(result: BatchResult[Any, Any]) -> list[OutcomeStatus]:
    return [outcome.status for outcome in result]


async def until(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Wait until a condition is true that nothing signals; fail if it is not within some seconds."""
    give_up = time.monotonic() + seconds
    for turn in itertools.count():
        if condition():
            return
        assert time.monotonic() < give_up, f"not true within {seconds:g} s: {inspect.getsource(condition).strip()}"
        # At first nothing but the loop's own next steps; later another thread or process needs the time.
        await asyncio.sleep(0 if turn < 200 else 0.001)
