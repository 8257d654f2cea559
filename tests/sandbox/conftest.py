"""What the tests of the sandbox share."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from exist_async.sandbox import Sandbox


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Sandbox:
    """A sandbox where it is 20 November in London and 21 November, half past five in the morning, in Melbourne."""
    return Sandbox(clock=clock, now=lambda: datetime(2026, 11, 20, 18, 30, tzinfo=UTC))


@pytest.fixture
def connect(sandbox: Sandbox) -> Callable[..., httpx.AsyncClient]:
    """Make a client that sends this `Authorization` header, or the sandbox's own token."""

    def make(authorization: str | None = None, **more: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=sandbox.transport(),
            base_url="https://exist.test/api/2/",
            headers={"Authorization": authorization or f"Bearer {sandbox.token}"},
            **more,
        )

    return make


@pytest.fixture
async def exist(connect: Callable[..., httpx.AsyncClient]) -> AsyncIterator[httpx.AsyncClient]:
    async with connect() as client:
        yield client
