"""Rate limiters: keep requests within a service's budget, a number in a moving window for each user."""

from exist_async.rate_limits.base import RateLimiter
from exist_async.rate_limits.memory import MemoryRateLimiter

__all__ = ["MemoryRateLimiter", "RateLimiter"]
