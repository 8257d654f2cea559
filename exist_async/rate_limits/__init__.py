"""Keeps requests within a service's budget: so many in a moving window, for each user."""

from exist_async.rate_limits.base import RateLimiter
from exist_async.rate_limits.memory import MemoryRateLimiter
from exist_async.rate_limits.redis import RedisRateLimiter
from exist_async.rate_limits.sqlite import SqliteRateLimiter

__all__ = ["MemoryRateLimiter", "RateLimiter", "RedisRateLimiter", "SqliteRateLimiter"]
