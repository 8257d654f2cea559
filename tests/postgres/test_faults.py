"""A server that can't be used: a clear error, without a password, and going on afterwards."""

import asyncio
import logging
import os
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_parts import Notes
from postgres_server import PostgresServer
from psycopg_pool import AsyncConnectionPool

from exist_async import ConfigurationError, PostgresTokenStore
from exist_async._postgres import PostgresFailedError
from support import Mount

ADDRESSES: dict[str, tuple[str, str]] = {
    "URL": ("postgresql://ada:s3cr3t@db.example:6543/app", "db.example:6543/app"),
    "URL with parameters": ("postgres://db.example/app?user=ada&password=s3cr3t", "db.example:5432/app"),
    "conninfo": ("host=db.example port=6543 dbname=app user=ada password='s3cr3t'", "db.example:6543/app"),
    "socket": ("host=/run/postgresql dbname=app password=s3cr3t", "/run/postgresql:5432/app"),
    "hosts": ("postgresql://ada:s3cr3t@one:1,two:2/app", "one:1,two:2/app"),
    "hosts with one port": ("host=one,two port=7 dbname=app", "one:7,two:7/app"),
    "user": ("postgresql://ada:s3cr3t@db.example", "db.example:5432/ada"),
    "environment": ("postgresql://", "env.example:7654/env"),
}


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("pooled", [False, True])
def test_errors_name_the_address_without_the_password(name: str, pooled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "environment":
        values = {"HOST": "env.example", "PORT": "7654", "DATABASE": "env", "PASSWORD": "s3cr3t", "USER": "ada"}
        for variable, value in values.items():
            monkeypatch.setenv(f"PG{variable}", value)
    url, where = ADDRESSES[name]

    store = PostgresTokenStore(AsyncConnectionPool(url, open=False) if pooled else url)

    assert repr(store) == f"PostgresTokenStore(<PostgreSQL at {where}>)"


def test_a_service_and_what_only_a_function_knows_are_named_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "services").write_text("[prod]\nhost=db.example\nport=7\ndbname=app\npassword=s3cr3t\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    pools: list[AsyncConnectionPool[Any]] = [
        AsyncConnectionPool("dbname=app", kwargs={"host": "db.example", "password": "s3cr3t"}, open=False),
        AsyncConnectionPool(lambda: "s3cr3t", name="main", open=False),
    ]

    wheres = [Notes(postgres)._where for postgres in ("service=prod password=s3cr3t", *pools)]
    monkeypatch.setenv("PGSERVICE", "prod")
    wheres.append(Notes("postgresql://")._where)

    assert [where.removeprefix("PostgreSQL at ") for where in wheres] == [
        "the service 'prod'",
        "db.example:5432/app",
        "the pool 'main'",
        "db.example:7/app",
    ]


@pytest.mark.parametrize(
    "postgres",
    [
        "",
        " ",
        "s3cr3t",
        "postgresql://ada:s3cr3t@[",
        "host=a password='s3cr3t",
        "postgresql://a/?s3cr3t=1",
        None,
        7,
        object(),
    ],
)
def test_what_is_no_address_is_refused_and_not_quoted(postgres: Any) -> None:
    with pytest.raises(ConfigurationError, match="postgres") as caught:
        PostgresTokenStore(postgres)

    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    "arguments", [{"schema": ""}, {"schema": "a" * 64}, {"schema": "a\0b"}, {"schema": 7}, {"timeout": 0}], ids=str
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        PostgresTokenStore("postgresql://localhost/app", **arguments)


@pytest.mark.parametrize("pooled", [False, True])
async def test_no_log_has_the_password_when_connecting_fails(
    postgres: PostgresServer, pooled: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = postgres.url.replace(postgres.password, "s3cr3t")
    pool = AsyncConnectionPool(url, min_size=1, max_size=2, open=False)
    async with pool, Notes(pool if pooled else url, postgres.schema, timeout=0.5) as notes:
        reason = "gave no answer" if pooled else "password authentication failed"
        for call in (notes.add("one"), notes._lock("one").try_acquire()):
            with pytest.raises(PostgresFailedError, match=f"{reason}|password authentication failed") as caught:
                await call
            assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))
            assert caught.value.__cause__ is caught.value.__context__ is None

    assert "password authentication failed" in caplog.text or not pooled
    assert "s3cr3t" not in caplog.text


async def test_a_missing_database_and_a_missing_host_are_named(postgres: PostgresServer) -> None:
    for url, reason in [
        (postgres.url.removesuffix("postgres") + "nowhere", 'database "nowhere" does not exist'),
        ("postgresql://nowhere.invalid/app", r"nowhere\.invalid.*(resolve|not known)"),
    ]:
        async with Notes(url) as notes:
            with pytest.raises(PostgresFailedError, match=reason):
                await notes.all()


async def test_a_server_without_a_free_connection_is_an_error_until_it_has_one(postgres_server: PostgresServer) -> None:
    postgres_server.execute("ALTER SYSTEM SET max_connections = 6")
    postgres_server.stop()
    postgres_server.start()
    others = [await psycopg.AsyncConnection.connect(postgres_server.url) for _ in range(6)]
    async with Notes(postgres_server) as notes:
        for call in (notes.all(), notes._lock("one").try_acquire()):
            with pytest.raises(PostgresFailedError, match="too many clients"):
                await call
        for other in others:
            await other.close()
        await asyncio.sleep(0.1)

        assert await notes.all() == []


def fill(path: Path) -> None:
    """Write a file until its disk is full."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(b" " * 4096):
            pass


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's account can enter, unlike pytest's."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    folder.rmdir()


async def test_a_full_disk_is_an_error_until_there_is_space(folder: Path, mount: Mount) -> None:
    mount("-t", "tmpfs", "-o", "size=64m,mode=755", "tmpfs", str(folder))
    server = PostgresServer(folder=folder)
    try:
        async with Notes(server) as notes:
            await notes.add("one")
            fill(folder / "ballast")
            texts = [os.urandom(4000).hex() for _ in range(100)]
            errors = await asyncio.gather(*(notes.add(text) for text in texts), return_exceptions=True)
            assert {getattr(error, "code", None) for error in errors} == {"53100"}
            assert "No space left on device. Its disk is full: make space" in str(errors[0])
            (folder / "ballast").unlink()

            await notes.add("after")
            assert {"one", "after"} <= set(await notes.all())
    finally:
        server.end()
