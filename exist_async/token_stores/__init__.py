"""Token stores: keep users' tokens between calls, processes and machines."""

from exist_async.token_stores.base import TokenStore
from exist_async.token_stores.file import FileTokenStore
from exist_async.token_stores.memory import MemoryTokenStore
from exist_async.token_stores.postgres import PostgresTokenStore
from exist_async.token_stores.redis import RedisTokenStore
from exist_async.token_stores.token import OAuthToken

__all__ = ["FileTokenStore", "MemoryTokenStore", "OAuthToken", "PostgresTokenStore", "RedisTokenStore", "TokenStore"]
