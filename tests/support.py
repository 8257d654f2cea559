"""What several tests of writes share."""

import json
import re
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
