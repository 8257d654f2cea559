"""A class that keeps something in PostgreSQL, for tests of what all such classes have in common."""

import asyncio

from postgres_server import PostgresServer
from psycopg_pool import AsyncConnectionPool

from exist_async._postgres import PostgresBacked


class Notes(PostgresBacked):
    """Has a table of texts."""

    _part = "notes"
    _migrations = (
        """
        CREATE TABLE {schema}.note (text text CHECK (text <> 's3cr3t'));
        CREATE TABLE {schema}.other (share text DEFAULT '50 %');
        """,
    )

    def __init__(
        self, postgres: "PostgresServer | str | AsyncConnectionPool", schema: str = "", timeout: float = 5.0
    ) -> None:
        if isinstance(postgres, PostgresServer):
            super().__init__(postgres.url, schema or postgres.schema, timeout)
        else:
            super().__init__(postgres, schema or "exist_async", timeout)

    async def add(self, text: str, *, repeatable: bool = False) -> None:
        await self._fetch("INSERT INTO {schema}.note VALUES (%s)", [text], repeatable=repeatable)

    async def all(self) -> list[str]:
        return [text for (text,) in await self._fetch("SELECT text FROM {schema}.note", repeatable=True)]

    async def sleep(self, seconds: float) -> None:
        await self._fetch("SELECT pg_sleep(%s)", [seconds])


async def eventually(server: PostgresServer, statement: str, *, rows: bool = True) -> None:
    """Wait until a query has rows, or has none."""
    async with asyncio.timeout(15):
        while bool(await asyncio.to_thread(server.execute, statement)) is not rows:  # noqa: ASYNC110  (a server sends no event)
            await asyncio.sleep(0.01)


OTHERS = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
