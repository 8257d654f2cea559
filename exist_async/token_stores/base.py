"""What staying signed in asks of a token store."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from exist_async.token_stores.token import OAuthToken


class TokenStore(Protocol):
    """Keeps the tokens of users, by the names that you give these users.

    Implement it over your own database, such as this one over PostgreSQL. The locks have a pool of their own: a lock
    holds its connection while `load` and `save` take another.

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
                yield  # to the renewal
    ```

    Whatever a store raises reaches the caller as the cause of an OAuthError.
    """

    async def load(self, user: str) -> OAuthToken | None:
        """Return the user's token as it was saved last, by whichever process; None when there is none."""
        ...

    async def save(self, user: str, token: OAuthToken) -> None:
        """Keep a token in place of the user's earlier one. It is safe when this returns: a crash can't lose it."""
        ...

    async def delete(self, user: str) -> None:
        """Forget the user's token; without one it does nothing."""
        ...

    def lock(self, user: str) -> AbstractAsyncContextManager[object]:
        """Return what lets in only one renewal of this user's token at a time, of all that share the store.

        A renewal ends both old tokens: two at once would sign the user out. Inside of it `load` and `save` are called,
        and the service is asked, which can take a minute when it is slow. They must not need what a lock holds, or what
        other users' locks hold: connections of one pool, say, which would all be held by locks that wait for one more.
        It must let go when its process dies.
        """
        ...
