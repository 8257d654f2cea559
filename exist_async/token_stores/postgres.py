"""A token store in PostgreSQL, for processes on several machines."""

import logging
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from exist_async._checks import check_text
from exist_async._json import UnreadableError, decode, encode
from exist_async._postgres import PostgresBacked, PostgresFailedError
from exist_async._secrets import Unpicklable, hides_locals
from exist_async.errors import OAuthError
from exist_async.token_stores.token import OAuthToken, check_oauth_token

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

T = TypeVar("T")

# Seconds to wait for a renewal, which can take as long as two requests, each with its timeout.
_LOCK_TIMEOUT = 600.0

# Bytes, not text: they are the same in databases of every encoding.
_CREATE = """
CREATE TABLE {schema}.token (
    user_name text PRIMARY KEY,
    token bytea NOT NULL,
    saved_at timestamptz NOT NULL
)
"""
_LOAD = "SELECT token FROM {schema}.token WHERE user_name = %s"

# A commit waits for the disk, also where the database is set not to.
_SAVE = """
WITH durable AS MATERIALIZED (
    SELECT CASE current_setting('synchronous_commit')
        WHEN 'off' THEN set_config('synchronous_commit', 'on', true)
    END
)
INSERT INTO {schema}.token (user_name, token, saved_at)
SELECT %s::text, %s::bytea, clock_timestamp() FROM durable
ON CONFLICT (user_name) DO UPDATE SET token = EXCLUDED.token, saved_at = EXCLUDED.saved_at
"""
_DELETE = "DELETE FROM {schema}.token WHERE user_name = %s"

# Writes another version of the row, which needs as much space as a new token.
_CHECK = "UPDATE {schema}.token SET token = token WHERE user_name = %s"

_log = logging.getLogger("exist_async")


@hides_locals
class PostgresTokenStore(PostgresBacked, Unpicklable):
    """Keeps the tokens of any number of users in PostgreSQL, which processes on several machines may share.

    Each user has one row in the table `token` of the schema, which stays until it is deleted. It holds the token in
    plain text, readable by everyone who may read that table. The server never logs a token by default; if you let it
    log statements (`log_statement`, `log_min_duration_statement`), set `log_parameter_max_length = 0`, and leave
    `log_parameter_max_length_on_error` at 0. Close the store with `async with` or `aclose()`.

    The table is created when the store is first used, which needs the privilege to create a schema, or one of this
    name in which the role may create tables. A token survives a crash of the server once it is saved. A standby that
    takes over may lack the latest tokens, unless it is synchronous.

    A lock is a session-level advisory lock, which all objects over one pool take on one more connection than the pool
    has. If its process dies, it is free at once, and if its machine does, after half a minute. A pooler must not share
    sessions between clients: with PgBouncer, use `pool_mode = session`, or give the address of PostgreSQL itself.

    Args:
        postgres: A URL or conninfo string, from which it opens its own connections on each event loop that uses it, at
            most eight, and one for locks; its password appears in no repr, log or error. Or an open
            `psycopg_pool.AsyncConnectionPool` of your own, which belongs to one event loop and is never closed here.
        schema: Name of the schema of its tables.
        timeout: Seconds within which PostgreSQL must answer each statement. If the URL names several hosts, each of
            them is tried for so long, and for two seconds at least.

    Raises:
        ConfigurationError: An argument is wrong, or the package psycopg is not installed. Its methods raise it for a
            user who is not a string of text, and when a pool of your own is not open, or used on a second event loop.
        OAuthError: Raised by the methods if PostgreSQL fails, or the row does not hold a token.
    """

    _part = "token"
    _migrations = (_CREATE,)

    def __init__(
        self, postgres: "str | AsyncConnectionPool[Any]", *, schema: str = "exist_async", timeout: float = 5.0
    ) -> None:
        super().__init__(postgres, schema, timeout)

    def __repr__(self) -> str:
        return f"PostgresTokenStore(<{self._where}>)"

    @hides_locals
    async def load(self, user: str) -> OAuthToken | None:
        """Return the user's token; see `TokenStore.load`."""
        check_text("user", user)
        rows = await self._explaining(self._fetch(_LOAD, [user], repeatable=True))
        if not rows:
            return None
        try:
            return decode(rows[0][0], OAuthToken)
        except UnreadableError as error:
            reason = str(error)
        # Outside the handler: the error of the decoder can contain the whole token.
        raise OAuthError(
            f"The row of {user!r} in {self._schema}.token of {self._where} does not hold a token: {reason}. Delete it, "
            "or choose another schema, and let this user sign in again."
        )

    @hides_locals
    async def save(self, user: str, token: OAuthToken) -> None:
        """Save a token; see `TokenStore.save`."""
        check_text("user", user)
        check_oauth_token(token)
        await self._explaining(self._fetch(_SAVE, [user, encode(token)], repeatable=True))

    async def delete(self, user: str) -> None:
        """Delete the user's token; see `TokenStore.delete`."""
        check_text("user", user)
        await self._explaining(self._fetch(_DELETE, [user], repeatable=True))

    async def check_can_save(self, user: str) -> None:
        """Write the user's token as it is; see `TokenStore`."""
        check_text("user", user)
        await self._explaining(self._fetch(_CHECK, [user], repeatable=True))

    @asynccontextmanager
    async def lock(self, user: str) -> AsyncGenerator[None, None]:
        """Allow one renewal at a time; see `TokenStore.lock`. After ten minutes, raise an OAuthError.

        If the lock is lost because its connection is, the renewal continues, and a warning is logged. A process holds
        at most a hundred of these locks at once; more renewals wait.
        """
        check_text("user", user)

        def warn() -> None:
            _log.warning(
                "The lock of the token of %r was lost; the renewal continues: the connection to %s was closed",
                user,
                self._where,
            )

        lock = self._lock(user, is_bounded=True, on_lost=warn)
        if not await self._explaining(lock.acquire(_LOCK_TIMEOUT)):
            raise OAuthError(
                f"The token of {user!r} was locked in {self._where} for ten minutes by another process, which may be "
                "hanging: end it, and try again."
            )
        try:
            yield
        finally:
            await lock.release()

    async def _explaining(self, answer: Awaitable[T]) -> T:
        """Await an answer of PostgreSQL; raise an OAuthError if it fails."""
        try:
            return await answer
        except PostgresFailedError as error:
            reason, code = str(error), error.code
        advice = "" if code else " Check that it runs, and that its address, database, user and password are right."
        raise OAuthError(f"The token store's {reason}.{advice}")
