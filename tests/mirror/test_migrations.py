"""Migrations: a file of each earlier version of the schema is brought to the latest one, with all of its data."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mirror_files import days, store

from exist_async import MirrorError
from exist_async.mirror import Mirror, schema

VERSION_1 = Path(__file__).with_name("schema_1.sql")
"""The output of `.dump` of the program sqlite3 for a file that the first version of the schema wrote."""


def create_version_1(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1.read_text())


async def schema_of(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            name: " ".join(sql.split())
            for name, sql in connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        }


async def test_the_schema_of_a_version_that_was_written_once_stays(mirror: Mirror, path: Path, tmp_path: Path) -> None:
    """Change it by adding a version to `MIGRATIONS`."""
    create_version_1(tmp_path / "old.db")
    with closing(sqlite3.connect(path)) as connection:
        schema.migrate(connection, 0)
    assert schema.latest_version() == 1
    before, now = await schema_of(tmp_path / "old.db"), await schema_of(path)
    assert {**before, "wide": ""} == {**now, "wide": ""}


async def test_a_file_of_the_first_version_is_read_and_written(mirror: Mirror, path: Path) -> None:
    create_version_1(path)

    assert [(attribute.name, attribute.label) for attribute in await mirror.attributes()] == [
        ("steps", "Steps"),
        ("mood_note", "Mood note"),
    ]
    assert [item async for item in mirror.history()] == [
        *(("steps", value) for value in days(8123, 7.5)),
        ("mood_note", days("good")[0]),
    ]
    assert await store(mirror, {"steps": days(8123, 7), "mood_note": days("good")}) == (0, 1)


async def test_an_older_file_is_migrated_by_the_next_pull_and_keeps_its_data(
    mirror: Mirror, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_version_1(path)
    migrations = [*schema.MIGRATIONS, ["ALTER TABLE pull ADD COLUMN host TEXT"], ["CREATE TABLE later (a)"]]
    monkeypatch.setattr(schema, "MIGRATIONS", migrations)

    with pytest.raises(MirrorError, match="was written by an older version of exist_async: pull into it once"):
        await mirror.attributes()
    async with mirror._database.locked():
        pass

    assert "host TEXT" in (await schema_of(path))["pull"]
    assert "later" in await schema_of(path)
    assert len([item async for item in mirror.history()]) == 3
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)


async def test_a_migration_that_fails_leaves_the_file_as_it_was(
    mirror: Mirror, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_version_1(path)
    before = await schema_of(path)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, ["CREATE TABLE later (a)", "CREATE TABLE pull (a)"]])
        with pytest.raises(MirrorError, match="table pull already exists"):
            await store(mirror, {"steps": days(1)})

    assert await schema_of(path) == before
    assert len([item async for item in mirror.history()]) == 3
