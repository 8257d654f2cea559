"""Fixtures for the tests of both sandboxes."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from exist_async.sandbox import Sandbox
from exist_async.sandbox.base import BaseSandbox


class Clock:
    """A clock that only tests advance."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Sandbox:
    """A sandbox at 18:30 UTC on 20 November, which is 05:30 on 21 November in the time zone of the first user."""
    return Sandbox(clock=clock, now=lambda: datetime(2026, 11, 20, 18, 30, tzinfo=UTC))


@pytest.fixture
def base_url() -> str:
    return "https://exist.test/api/2/"


@pytest.fixture
def connect(sandbox: BaseSandbox, base_url: str) -> Callable[..., httpx.AsyncClient]:
    """Return a function that creates a client with this `Authorization` header, by default with the sandbox's token."""

    def new_client(authorization: str | None = None, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=sandbox.transport(),
            base_url=base_url,
            headers={"Authorization": authorization or f"Bearer {sandbox.token}"},
            **options,
        )

    return new_client


@pytest.fixture
async def exist(connect: Callable[..., httpx.AsyncClient]) -> AsyncIterator[httpx.AsyncClient]:
    async with connect() as client:
        yield client


@pytest.fixture
def add_owned(sandbox: Sandbox) -> Callable[..., None]:
    """Return a function that adds attributes which the first service owns."""

    def add(*templates: str, **fields: Any) -> None:
        for template in templates:
            sandbox.add_attribute(template=template, service=sandbox.service, **fields)

    return add
