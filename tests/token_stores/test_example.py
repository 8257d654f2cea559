"""The example of a token store in the documentation."""

import asyncio
import json
import re
import textwrap
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import httpx
import pytest

from exist_async import ExistClient, OAuth2, OAuthApp, OAuthToken, TokenStore
from exist_async.sandbox import Sandbox

SIZE = 3


class Connection:
    """The part of a PostgreSQL connection that the example uses."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._held: list[asyncio.Lock] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            for lock in self._held:
                lock.release()

    async def execute(self, query: str, *values: Any) -> None:
        if "pg_advisory_xact_lock" in query:
            lock = self._database.locks.setdefault(values[0], asyncio.Lock())
            await lock.acquire()
            self._held.append(lock)
        elif query.startswith("INSERT"):
            self._database.rows[values[0]] = values[1]
        else:
            del self._database.rows[values[0]]


class Database:
    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.locks: dict[str, asyncio.Lock] = {}


class Pool:
    """The part of a pool of three connections that the example uses."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._free = asyncio.Semaphore(SIZE)

    @asynccontextmanager
    async def acquire(self) -> AsyncGenerator[Connection, None]:
        async with self._free:
            await asyncio.sleep(0)
            yield Connection(self._database)

    async def execute(self, query: str, *values: Any) -> None:
        async with self.acquire() as connection:
            await connection.execute(query, *values)

    async def fetchval(self, query: str, user: str) -> str | None:
        async with self.acquire():
            return self._database.rows.get(user)


@pytest.fixture
def store() -> TokenStore:
    (example,) = re.findall(r"```python\n(.*?)```", TokenStore.__doc__ or "", re.DOTALL)
    names: dict[str, Any] = {"json": json, "OAuthToken": OAuthToken, "asynccontextmanager": asynccontextmanager}
    names |= {"AsyncIterator": AsyncGenerator, "asyncpg": attrs.make_class("asyncpg", ["Pool"])(Pool)}
    exec(textwrap.dedent(example), names)
    database = Database()
    made: TokenStore = names["DatabaseTokenStore"](Pool(database), Pool(database))
    return made


async def test_it_keeps_tokens(store: TokenStore) -> None:
    await store.save("ada", OAuthToken("one", "two"))
    assert await store.load("ada") == OAuthToken("one", "two")

    await store.delete("ada")
    assert await store.load("ada") is None


async def test_more_renewals_than_connections_do_not_deadlock(store: TokenStore, sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(transport=sandbox.transport()) as http, asyncio.timeout(10):
        app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:8000/", http_client=http)
        users = [f"user {number}" for number in range(2 * SIZE)]
        for user in users:
            callback = sandbox.authorize(app.authorization_url(["mood_read"])[0], sandbox.add_user(user))
            await store.save(user, await app.exchange(callback))
        sandbox.expire_tokens()
        shared = ExistClient("a-token", http_client=http)

        profiles = await asyncio.gather(
            *(shared.with_options(auth=OAuth2(app, store, user)).profile.get() for user in users)
        )

    assert [profile.username for profile in profiles] == users
