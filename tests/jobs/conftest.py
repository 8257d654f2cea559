"""Fixtures of the tests of jobs: a service whose users are signed in, and a client without a user."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from jobs_support import Service

from exist_async import ExistClient
from exist_async.jobs import JournalFolder


@pytest.fixture
async def service() -> Service:
    service = Service()
    await service.sign_in()
    return service


@pytest.fixture
async def shared(service: Service) -> AsyncGenerator[ExistClient, None]:
    """A client of the sandbox without a user of its own, in process, which does not repeat requests."""
    async with (
        httpx.AsyncClient(transport=service.sandbox.transport()) as http_client,
        ExistClient(httpx.Auth(), http_client=http_client, max_retries=0) as shared,
    ):
        yield shared


@pytest.fixture
def folder(tmp_path: Path) -> JournalFolder:
    return JournalFolder(tmp_path / "journals")
