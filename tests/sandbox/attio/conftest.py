"""Fixtures for the tests of the Attio sandbox."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from exist_async.sandbox import AttioSandbox


@pytest.fixture
def sandbox(clock: Callable[[], float]) -> AttioSandbox:
    """A sandbox at 18:30:15.061281 UTC on 20 November."""
    return AttioSandbox(clock=clock, now=lambda: datetime(2026, 11, 20, 18, 30, 15, 61281, tzinfo=UTC))


@pytest.fixture
def base_url() -> str:
    return "https://attio.test/v2/"


@pytest.fixture
async def attio(connect: Callable[..., httpx.AsyncClient]) -> AsyncIterator[httpx.AsyncClient]:
    async with connect() as client:
        yield client


@pytest.fixture
def new_attribute() -> Callable[..., dict[str, Any]]:
    """Return a function that builds the body for creating an attribute."""

    def build(**changes: Any) -> dict[str, Any]:
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
        return {"data": {**fields, **changes}}

    return build
