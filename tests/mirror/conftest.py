"""Fixtures of the tests of mirrors."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import httpx
import pytest
from pulls import MORNING, Service

from exist_async import ExistClient
from exist_async.mirror import Mirror
from exist_async.sandbox import Sandbox


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "exist.db"


@pytest.fixture
async def mirror(path: Path) -> AsyncIterator[Mirror]:
    """An open mirror of a file that does not exist yet."""
    async with Mirror(path) as mirror:
        yield mirror


@pytest.fixture
async def service(path: Path) -> AsyncGenerator[Service, None]:
    """A sandbox whose date a test sets, its client, and an open mirror."""
    time = [MORNING]
    sandbox = Sandbox(now=lambda: time[0])
    async with httpx.AsyncClient(transport=sandbox.transport()) as http_client, Mirror(path) as mirror:
        exist = ExistClient(sandbox.token, http_client=http_client, rate_limiter=None, sleep=lambda _: asyncio.sleep(0))
        yield Service(sandbox, exist, mirror, time)
