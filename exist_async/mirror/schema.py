"""The schema of a mirror's file, and its migrations."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

APPLICATION: Final = 0x45784D72
"""Marks the files of mirrors, as SQLite's `application_id`."""

# Days are ISO dates such as 2026-11-20, times are ISO times in UTC such as 2026-11-20T08:15:00+00:00, flags are 0 or 1.
_VERSION_1: Final = (
    """CREATE TABLE profile (
        service TEXT NOT NULL,
        username TEXT NOT NULL,
        first_name TEXT,
        last_name TEXT,
        avatar TEXT,
        timezone TEXT,
        imperial_distance INTEGER,
        imperial_weight INTEGER,
        imperial_energy INTEGER,
        imperial_liquid INTEGER,
        imperial_temperature INTEGER,
        trial INTEGER,
        delinquent INTEGER,
        weekly_email INTEGER,
        yearly_email INTEGER,
        read_at TEXT NOT NULL,
        PRIMARY KEY (service, username)
    )""",
    """CREATE TABLE attribute (
        name TEXT PRIMARY KEY NOT NULL,
        label TEXT,
        template TEXT,
        "group" TEXT,
        group_label TEXT,
        group_priority INTEGER,
        service TEXT,
        service_label TEXT,
        value_type INTEGER,
        value_type_description TEXT,
        active INTEGER,
        manual INTEGER,
        priority INTEGER,
        available_services TEXT,
        position INTEGER NOT NULL UNIQUE,
        listed INTEGER NOT NULL,
        unlisted_at TEXT
    )""",
    # A column without a type: a number stays an integer or a decimal, as Exist has it.
    """CREATE TABLE value (
        attribute TEXT NOT NULL REFERENCES attribute (name),
        date TEXT NOT NULL,
        number,
        text TEXT,
        removed_at TEXT,
        PRIMARY KEY (attribute, date)
    ) WITHOUT ROWID""",
    # The days of which there are values, or were: the view `wide` would have to read all values to find them.
    "CREATE TABLE day (date TEXT NOT NULL, PRIMARY KEY (date DESC)) WITHOUT ROWID",
    """CREATE TABLE coverage (
        attribute TEXT NOT NULL REFERENCES attribute (name),
        start TEXT NOT NULL,
        "end" TEXT NOT NULL,
        read_at TEXT NOT NULL,
        PRIMARY KEY (attribute, start)
    ) WITHOUT ROWID""",
    """CREATE TABLE average (
        attribute TEXT NOT NULL REFERENCES attribute (name),
        date TEXT NOT NULL,
        overall REAL,
        monday REAL,
        tuesday REAL,
        wednesday REAL,
        thursday REAL,
        friday REAL,
        saturday REAL,
        sunday REAL,
        PRIMARY KEY (attribute, date)
    )""",
    """CREATE TABLE correlation (
        attribute TEXT NOT NULL REFERENCES attribute (name),
        attribute2 TEXT NOT NULL REFERENCES attribute (name),
        "offset" INTEGER NOT NULL,
        attribute_category TEXT NOT NULL,
        date TEXT,
        period INTEGER,
        value REAL,
        p REAL,
        percentage REAL,
        stars INTEGER,
        second_person TEXT,
        second_person_elements TEXT,
        strength_description TEXT,
        stars_description TEXT,
        description TEXT,
        occurrence TEXT,
        rating_positive INTEGER,
        rating_type INTEGER,
        rating TEXT,
        listed INTEGER NOT NULL,
        unlisted_at TEXT,
        PRIMARY KEY (attribute, attribute2, "offset", attribute_category)
    )""",
    """CREATE TABLE insight (
        id INTEGER PRIMARY KEY,
        created TEXT NOT NULL,
        target_date TEXT NOT NULL,
        type TEXT NOT NULL,
        type_period INTEGER,
        type_priority INTEGER,
        type_template TEXT,
        html TEXT,
        text TEXT NOT NULL,
        UNIQUE (created, target_date, type, text)
    )""",
    # The days of which averages or insights have been read.
    'CREATE TABLE part (name TEXT PRIMARY KEY NOT NULL, start TEXT NOT NULL, "end" TEXT NOT NULL)',
    """CREATE TABLE pull (
        id INTEGER PRIMARY KEY,
        started TEXT NOT NULL,
        ended TEXT,
        requests INTEGER,
        new INTEGER,
        changed INTEGER,
        inaccessible TEXT,
        since TEXT,
        until TEXT,
        current_from TEXT,
        current_as_of TEXT,
        error TEXT
    )""",
    "CREATE VIEW wide AS SELECT date FROM day",
)

MIGRATIONS: Final = [_VERSION_1]
"""The statements that lead from each version of the schema to the next one; version 0 is an empty file."""


def latest_version() -> int:
    """Return the version of the schema that this version of the package writes."""
    return len(MIGRATIONS)


def migrate(connection: "sqlite3.Connection", version: int) -> None:
    """Bring a file from a version of the schema to the latest one, within the transaction of the caller."""
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {latest_version()}")
