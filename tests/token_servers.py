"""The servers that keep tokens, as an administrator sees them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from postgres_server import PostgresServer
from redis_server import RedisServer

from exist_async import PostgresTokenStore, RedisTokenStore

Make = Callable[..., Any]
"""The fixture `make` of the tests of token stores: makes stores of one kind that share their tokens."""


class TokenServer(ABC):
    """A server with tokens, as an administrator sees it.

    Attributes:
        kind: Name of the kind of server.
        url: The URL with which stores are made.
        where: The address, as stores name it.
        lost_after: Seconds after which the lock of a process that was killed is free.
        short: Options of a store that soon gives up on the server.
    """

    kind: str
    url: str
    where: str
    lost_after: float
    short: ClassVar[dict[str, float]]

    def __init__(self, server: RedisServer | PostgresServer) -> None:
        self.server = server

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Arguments of a store."""

    @property
    @abstractmethod
    def code(self) -> str:
        """Python code that makes a store."""

    @abstractmethod
    def make(self, *, url: str | None = None, **options: Any) -> Any:
        """Return a store of this server."""

    @abstractmethod
    def stop(self) -> None:
        """Stop the server, which has to be started again."""

    @abstractmethod
    async def require_password(self) -> None:
        """Let nobody in without a password."""

    @abstractmethod
    async def locked(self) -> int:
        """Return the number of locks that are held."""

    @abstractmethod
    async def connections(self) -> int:
        """Return the number of connections of others."""

    @abstractmethod
    async def put(self, user: str, content: bytes) -> None:
        """Write something in place of a user's token."""

    @abstractmethod
    async def get(self, user: str) -> bytes:
        """Return what is written in place of a user's token."""

    @abstractmethod
    async def refuse_to_save(self, *, refuse: bool) -> None:
        """Answer reads only, as a server does that others took over from."""

    @abstractmethod
    def url_with(self, password: str) -> str:
        """Return the URL with another password."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connections of the administrator."""


class RedisOfTokens(TokenServer):
    kind = "redis"
    lost_after = 1.5
    short: ClassVar[dict[str, float]] = {"timeout": 0.3, "lease": 1.0}

    def __init__(self, server: RedisServer) -> None:
        redis = pytest.importorskip("redis.asyncio", reason='no redis: pip install "exist-async[redis]"')
        super().__init__(server)
        self.url = server.url
        self.where = f"Redis at 127.0.0.1:{server.port}"
        self.client = redis.Redis.from_url(server.url)

    @property
    def options(self) -> dict[str, Any]:
        return {}

    @property
    def code(self) -> str:
        return f"RedisTokenStore({self.url!r}, timeout=0.5, lease={self.lost_after})"

    def make(self, *, url: str | None = None, **options: Any) -> RedisTokenStore:
        return RedisTokenStore(url or self.url, **options)

    def stop(self) -> None:
        self.server.end()

    async def require_password(self) -> None:
        await self.client.config_set("requirepass", "right")

    async def locked(self) -> int:
        return len(await self.client.keys("*:lock"))

    async def connections(self) -> int:
        clients = await self.client.client_list()
        return len(clients) - 1

    async def put(self, user: str, content: bytes) -> None:
        await self.client.set(f"exist_async:token:{{{user}}}", content)

    async def get(self, user: str) -> bytes:
        content: bytes = await self.client.get(f"exist_async:token:{{{user}}}")
        return content

    async def refuse_to_save(self, *, refuse: bool) -> None:
        await (self.client.replicaof("127.0.0.1", 1) if refuse else self.client.replicaof("NO", "ONE"))

    def url_with(self, password: str) -> str:
        return self.url.replace("://", f"://:{password}@")

    async def aclose(self) -> None:
        await self.client.aclose()


class PostgresOfTokens(TokenServer):
    kind = "postgres"
    lost_after = 1.0
    short: ClassVar[dict[str, float]] = {"timeout": 0.3}
    server: PostgresServer

    def __init__(self, server: PostgresServer) -> None:
        super().__init__(server)
        self.url = server.url
        self.where = f"PostgreSQL at 127.0.0.1:{server.port}/postgres"
        self.table = f'"{server.schema}".token'

    @property
    def options(self) -> dict[str, Any]:
        return {"schema": self.server.schema}

    @property
    def code(self) -> str:
        return f"PostgresTokenStore({self.url!r}, schema={self.server.schema!r})"

    def make(self, *, url: str | None = None, **options: Any) -> PostgresTokenStore:
        return PostgresTokenStore(url or self.url, **{**self.options, **options})

    def stop(self) -> None:
        self.server.stop()

    async def require_password(self) -> None:
        pass

    async def locked(self) -> int:
        ((number,),) = self.server.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        assert isinstance(number, int)
        return number

    async def connections(self) -> int:
        ((number,),) = self.server.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        assert isinstance(number, int)
        return number

    async def put(self, user: str, content: bytes) -> None:
        self.server.execute(
            f"INSERT INTO {self.table} VALUES (%s, %s, now()) ON CONFLICT (user_name) DO UPDATE SET token = %s",
            user,
            content,
            content,
        )

    async def get(self, user: str) -> bytes:
        ((content,),) = self.server.execute(f"SELECT token FROM {self.table} WHERE user_name = %s", user)
        assert isinstance(content, bytes)
        return content

    async def refuse_to_save(self, *, refuse: bool) -> None:
        self.server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if refuse else 'off'}")
        self.server.execute("SELECT pg_reload_conf()")

    def url_with(self, password: str) -> str:
        return self.url.replace(self.server.password, password)

    async def aclose(self) -> None:
        pass
