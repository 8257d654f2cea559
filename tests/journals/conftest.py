"""Fixtures of the tests of journals."""

from pathlib import Path

import pytest
from journal_stores import JournalStore, PostgresStore, SqliteStore
from killing import Place
from postgres_server import PostgresServer

from exist_async.sandbox import Sandbox


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture(params=["sqlite", "postgres"])
def new_journal(request: pytest.FixtureRequest, tmp_path: Path) -> JournalStore:
    """Makes journals by name, in files and in PostgreSQL."""
    if request.param == "sqlite":
        return SqliteStore(tmp_path)
    return PostgresStore(request.getfixturevalue("postgres"))


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """The path of a journal, or its URL and schema, for other processes."""
    if request.param == "sqlite":
        return str(tmp_path / "journal.db"), ""
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url, server.schema


@pytest.fixture
def sandbox() -> Sandbox:
    """A sandbox whose service owns some attributes."""
    sandbox = Sandbox()
    for template in ("steps", "mood", "mood_note", "coffees", "floors"):
        sandbox.add_attribute(template=template, service=sandbox.service)
    return sandbox
