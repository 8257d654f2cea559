"""Fixtures of the tests of token stores: each kind of them, and the servers that keep tokens."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from token_servers import Make, PostgresOfTokens, RedisOfTokens, TokenServer

from exist_async import FileTokenStore, MemoryTokenStore


@pytest.fixture(params=["memory", "file", "redis", "postgres"])
async def make(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Make, None]:
    """Makes token stores of one kind that share their tokens, and closes them at the end."""
    if request.param == "memory":
        store = MemoryTokenStore()
        yield lambda: store
    elif request.param == "file":
        yield lambda: FileTokenStore(tmp_path / "tokens.json")
    else:
        async with AsyncExitStack() as opened:
            server = _server(request, request.param, own=False)
            opened.push_async_callback(server.aclose)

            def make_and_close() -> Any:
                store = server.make()
                opened.push_async_callback(store.aclose)
                return store

            yield make_and_close


def _server(request: pytest.FixtureRequest, kind: str, *, own: bool) -> TokenServer:
    if kind == "redis":
        return RedisOfTokens(request.getfixturevalue("redis_server"))
    return PostgresOfTokens(request.getfixturevalue("postgres_server" if own else "postgres"))


@pytest.fixture(params=["redis", "postgres"])
async def server(request: pytest.FixtureRequest) -> AsyncGenerator[TokenServer, None]:
    """A server with tokens, which goes on running."""
    server = _server(request, request.param, own=False)
    yield server
    await server.aclose()


@pytest.fixture(params=["redis", "postgres"])
async def own_server(request: pytest.FixtureRequest) -> AsyncGenerator[TokenServer, None]:
    """A server with tokens, which the test may stop, pause or change."""
    server = _server(request, request.param, own=True)
    yield server
    await server.aclose()
