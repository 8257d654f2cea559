"""Fixtures of the tests of rate limiters: factories for each kind, with real clocks."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from exist_async import MemoryRateLimiter, PostgresRateLimiter, RedisRateLimiter, SqliteRateLimiter

Make = Callable[..., Any]


@pytest.fixture(params=["memory", "sqlite", "redis", "postgres"])
async def make(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Make, None]:
    """Makes rate limiters of one kind that allow three requests in a period, and closes them at the end."""
    async with AsyncExitStack() as opened:

        def over_redis(period: float = 60.0, **options: Any) -> RedisRateLimiter:
            limiter = RedisRateLimiter(request.getfixturevalue("redis_server").url, 3, period, **options)
            opened.push_async_callback(limiter.aclose)
            return limiter

        def over_postgres(period: float = 60.0, **options: Any) -> PostgresRateLimiter:
            postgres = request.getfixturevalue("postgres")
            limiter = PostgresRateLimiter(postgres.url, 3, period, schema=postgres.schema, **options)
            opened.push_async_callback(limiter.aclose)
            return limiter

        if request.param == "postgres":
            request.getfixturevalue("postgres")
            yield over_postgres
        elif request.param == "redis":
            request.getfixturevalue("redis_server")
            yield over_redis
        elif request.param == "sqlite":
            yield lambda period=60.0, **options: SqliteRateLimiter(tmp_path / "budget.db", 3, period, **options)
        else:
            yield lambda period=60.0, **options: MemoryRateLimiter(3, period, **options)


@pytest.fixture
def budget(tmp_path: Path) -> Path:
    return tmp_path / "budget.db"
