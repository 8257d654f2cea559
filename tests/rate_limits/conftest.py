"""Fixtures of the tests of rate limiters: factories for each kind, with real clocks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exist_async import MemoryRateLimiter, RedisRateLimiter, SqliteRateLimiter

Make = Callable[..., Any]


@pytest.fixture(params=["memory", "sqlite", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes rate limiters of one kind that allow three requests in a period."""
    if request.param == "memory":
        return lambda period=60.0, **options: MemoryRateLimiter(3, period, **options)
    if request.param == "sqlite":
        return lambda period=60.0, **options: SqliteRateLimiter(tmp_path / "budget.db", 3, period, **options)
    url = request.getfixturevalue("redis_server").url
    return lambda period=60.0, **options: RedisRateLimiter(url, 3, period, **options)


@pytest.fixture
def budget(tmp_path: Path) -> Path:
    return tmp_path / "budget.db"
