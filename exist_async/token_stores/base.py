"""The interface of token stores."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from exist_async.token_stores.token import OAuthToken


class TokenStore(Protocol):
    """Keeps the tokens of users, under names that you choose.

    Implement it over your own database, as in this example over asyncpg (`PostgresTokenStore` is over psycopg). The
    locks have their own pool, because a lock holds its connection while `load` and `save` take another.

    ```python
    class DatabaseTokenStore:
        def __init__(self, pool: asyncpg.Pool, locks: asyncpg.Pool) -> None:
            self._pool = pool
            self._locks = locks

        async def load(self, user: str) -> OAuthToken | None:
            fields = await self._pool.fetchval("SELECT token FROM exist_tokens WHERE user_id = $1", user)
            return None if fields is None else OAuthToken.from_dict(json.loads(fields))

        async def save(self, user: str, token: OAuthToken) -> None:
            await self._pool.execute(
                "INSERT INTO exist_tokens (user_id, token) VALUES ($1, $2)"
                " ON CONFLICT (user_id) DO UPDATE SET token = EXCLUDED.token",
                user,
                json.dumps(token.to_dict()),
            )

        async def delete(self, user: str) -> None:
            await self._pool.execute("DELETE FROM exist_tokens WHERE user_id = $1", user)

        @asynccontextmanager
        async def lock(self, user: str) -> AsyncIterator[None]:
            async with self._locks.acquire() as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", user)
                yield  # the renewal runs here
    ```

    A store may also have a method `async def check_can_save(self, user: str) -> None`. It is called under the lock,
    before a renewal invalidates the old tokens, and raises an error if the user's token can't be saved now: because the
    disk is full, or the database allows only reads. Without it, such a store loses the new token when the process ends.
    A lock that is itself saved like the tokens, as in `RedisTokenStore`, shows the same.

    A lock can be lost while it is held: a database forgets it when its connection breaks. So if the service says that
    the tokens are not valid any more, `OAuth2` waits for some seconds until another process has saved new ones. A store
    whose locks are never lost sets the attribute `lock_can_be_lost` to False, to be told at once.

    An error that a store raises reaches the caller as the cause of an OAuthError.
    """

    async def load(self, user: str) -> OAuthToken | None:
        """Return the user's token as any process saved it last, or None."""
        ...

    async def save(self, user: str, token: OAuthToken) -> None:
        """Replace the user's token. When this returns, the token must survive a crash."""
        ...

    async def delete(self, user: str) -> None:
        """Delete the user's token, if there is one."""
        ...

    def lock(self, user: str) -> AbstractAsyncContextManager[object]:
        """Return a lock that allows one renewal of this user's token at a time, among all that share the store.

        A renewal invalidates both old tokens: two at once would sign the user out. A lock is held for up to a minute,
        during which `load` and `save` are called. They must not use the connection pool of the locks: all connections
        could be held by locks that wait for one more. The lock must become free when its process dies. The
        renewals over one client's connections hold about 25 locks at once on an event loop, however many tokens expire.
        """
        ...
