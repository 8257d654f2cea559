"""The error for a PostgreSQL that fails, and its reason without the values of a statement."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from psycopg import Error

READ_ONLY: Final = "25006"
NO_PRIVILEGE: Final = "42501"
NOT_SUPPORTED: Final = "0A000"

# A table, schema or function is not there.
DROPPED: Final = ("42P01", "3F000", "42883")

# PostgreSQL rolled the statement back because of another transaction, and it may succeed the next time.
ROLLED_BACK: Final = ("40001", "40P01")

_REMEDIES: Final = {
    READ_ONLY: "If it failed over to a standby, name all hosts of the cluster in the URL, with "
    "target_session_attrs=read-write; else set default_transaction_read_only = off for its role",
    "53100": "Its disk is full: make space",
    "53200": "Raise max_locks_per_transaction, or its memory",
    "53300": "Raise max_connections, or use fewer processes",
    "57014": "A timeout of the server ended the statement: raise statement_timeout",
    "55P03": "A timeout of the server ended the statement: raise lock_timeout",
}


class PostgresFailedError(Exception):
    """PostgreSQL did not carry out a statement. The message has the address and the reason, and no other error.

    Attributes:
        code: PostgreSQL's SQLSTATE, such as "53100" for a full disk; None without an answer.
    """

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type["PostgresFailedError"], tuple[str, str | None]]:
        return type(self), (str(self), self.code)


def reason_of(error: "Error") -> str:
    """Return the reason of an error, with the remedy where there is one, and without the values of the statement."""
    from psycopg import InterfaceError, OperationalError

    code = error.sqlstate or ""
    primary = error.diag.message_primary
    if code.startswith("22") or (primary is None and not isinstance(error, OperationalError | InterfaceError)):
        # Errors of data quote the value, and those of psycopg itself may quote anything.
        return f"refused a value ({type(error).__name__})"
    # Not the whole text of an answer: its details quote the values of rows.
    text = " ".join((primary or str(error)).split()).removesuffix(".")
    if remedy := _REMEDIES.get(code):
        return f"can't be used: {text}. {remedy}"
    return f"can't be used: {text}"
