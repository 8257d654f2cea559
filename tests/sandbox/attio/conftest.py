"""What the tests of Attio's sandbox share."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from exist_async.sandbox import AttioSandbox


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
def sandbox(clock: Clock) -> AttioSandbox:
    """A sandbox where it is half past six in the evening, and some seconds."""
    return AttioSandbox(clock=clock, now=lambda: datetime(2026, 11, 20, 18, 30, 15, 61281, tzinfo=UTC))


@pytest.fixture
def connect(sandbox: AttioSandbox) -> Callable[..., httpx.AsyncClient]:
    """Make a client that sends this `Authorization` header, or the sandbox's own token."""

    def make(authorization: str | None = None, **more: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=sandbox.transport(),
            base_url="https://attio.test/v2/",
            headers={"Authorization": authorization or f"Bearer {sandbox.token}"},
            **more,
        )

    return make


@pytest.fixture
async def attio(connect: Callable[..., httpx.AsyncClient]) -> AsyncIterator[httpx.AsyncClient]:
    async with connect() as client:
        yield client


@pytest.fixture
def new() -> Callable[..., dict[str, Any]]:
    """Make what is sent to create an attribute."""

    def make(**changed: Any) -> dict[str, Any]:
        fields = {
            "title": "Shoe size",
            "description": None,
            "api_slug": "shoe_size",
            "type": "number",
            "is_required": False,
            "is_unique": False,
            "is_multiselect": False,
            "config": {},
        }
        return {"data": {**fields, **changed}}

    return make
