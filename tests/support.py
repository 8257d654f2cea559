"""What several tests of writes share."""

import asyncio
import inspect
import itertools
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from exist_async import BatchResult, ByName, ExistClient, OutcomeStatus
from exist_async.sandbox import Sandbox

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
"""The Python blocks of the README."""

Answering = Callable[..., ExistClient]
"""The fixture `answering`: makes a client of a service that answers as a function says."""


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


def title_of(block: str) -> str:
    """Return the section of the README that a block stands in."""
    before = README[: README.index(block)]
    return re.findall(r"^#+ (.*)$", before, re.MULTILINE)[-1]


def block_of(title: str) -> str:
    """Return the first block of a section of the README."""
    return next(block for block in BLOCKS if title_of(block) == title)


async def until(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Wait until a condition is true that nothing signals; fail if it is not within some seconds."""
    give_up = time.monotonic() + seconds
    for turn in itertools.count():
        if condition():
            return
        assert time.monotonic() < give_up, f"not true within {seconds:g} s: {inspect.getsource(condition).strip()}"
        # At first nothing but the loop's own next steps; later another thread or process needs the time.
        await asyncio.sleep(0 if turn < 200 else 0.001)
