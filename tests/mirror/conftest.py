"""Fixtures of the tests of mirrors."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exist_async.mirror import Mirror


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "exist.db"


@pytest.fixture
async def mirror(path: Path) -> AsyncIterator[Mirror]:
    """An open mirror of a file that does not exist yet."""
    async with Mirror(path) as mirror:
        yield mirror
