"""The view `wide` of a mirror's file: a row for each day, a column for each attribute."""

from typing import TYPE_CHECKING, Final

from exist_async.tables.column_names import column_names

if TYPE_CHECKING:
    import sqlite3

_MOST_COLUMNS: Final = 2000  # SQLite's limit


def rebuild_view(connection: "sqlite3.Connection") -> None:
    """Give the view a column for each attribute, in the order in which Exist listed them first.

    It has at most 1,999 of them.
    """
    names = [name for (name,) in connection.execute("SELECT name FROM attribute ORDER BY position")]
    columns = ["date"]
    # Each value is looked up by the primary key, so that the first rows do not wait for all values to be read.
    columns += (
        f"(SELECT coalesce(number, text) FROM value WHERE attribute = {_literal(name)} AND date = day.date "  # noqa: S608  (escaped)
        f"AND removed_at IS NULL) AS {_identifier(column)}"
        for name, column in column_names(names[: _MOST_COLUMNS - 1]).items()
    )
    statement = f"CREATE VIEW wide AS SELECT {', '.join(columns)} FROM day"  # noqa: S608  (escaped)
    (before,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'wide'").fetchone()
    if statement != before:  # a change of the schema makes other programs prepare their statements again
        connection.execute("DROP VIEW wide")
        connection.execute(statement)


def _literal(text: str) -> str:
    if "\0" in text:  # it would end the statement
        return f"CAST(x'{text.encode().hex()}' AS TEXT)"
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
