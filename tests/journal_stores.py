"""The stores of journals: each makes journals of its kind by name, and shows what they hold."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import pytest
from postgres_server import PostgresServer
from psycopg.sql import SQL, Identifier

from exist_async import Journal, PostgresJournal
from exist_async.journals.base import StoredJournal


class JournalStore(Protocol):
    def __call__(self, name: str = "journal", **options: Any) -> StoredJournal:
        """Return a journal, which is the same one for the same name."""
        ...

    def execute(self, statement: str) -> None:
        """Run a statement on the tables of a journal that is closed."""

    @property
    def content(self) -> str:
        """All that is stored."""
        ...


class SqliteStore:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str = "journal", **options: Any) -> Journal:
        return Journal(self._folder / f"{name}.db", **options)

    def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self._folder / "journal.db", isolation_level=None)) as connection:
            connection.execute(statement)

    @property
    def content(self) -> str:
        return "".join(file.read_bytes().decode(errors="replace") for file in self._folder.iterdir())


class PostgresStore:
    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def __call__(self, name: str = "journal", **options: Any) -> PostgresJournal:
        return PostgresJournal(self._server.url, name, schema=self._server.schema, **options)

    def execute(self, statement: str) -> None:
        # The statements of a simple query share a connection.
        path = SQL("SET search_path = {}").format(Identifier(self._server.schema)).as_string()
        self._server.execute(f"{path}; {statement}")

    @property
    def content(self) -> str:
        schema = Identifier(self._server.schema)
        tables = [
            SQL("SELECT each::text FROM {}.{} AS each").format(schema, Identifier(name)) for name in ("job", "item")
        ]
        return str([self._server.execute(table.as_string()) for table in tables])


def hold_notes(journal: StoredJournal, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let a journal store no notes until an event is set."""
    may_go_on = threading.Event()
    if isinstance(journal, PostgresJournal):
        store = journal._store

        async def store_later(*arguments: Any) -> Any:
            await asyncio.to_thread(may_go_on.wait)
            return await store(*arguments)

        monkeypatch.setattr(journal, "_store", store_later)
    else:
        assert isinstance(journal, Journal)
        store_notes = journal._store_notes

        def store_notes_later() -> None:
            may_go_on.wait()
            store_notes()

        monkeypatch.setattr(journal, "_store_notes", store_notes_later)
    return may_go_on
