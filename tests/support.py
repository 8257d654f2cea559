"""What several tests of writes share."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from exist_async import BatchResult, ByName, ExistClient, OutcomeStatus
from exist_async.sandbox import Sandbox

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
