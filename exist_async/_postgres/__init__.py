"""Sends statements to PostgreSQL, over its own connections or a pool of the caller's, and reveals no value of them."""

from exist_async._postgres.backed import PostgresBacked, Rows
from exist_async._postgres.failures import PostgresFailedError
from exist_async._postgres.locks import PostgresLock

__all__ = ["PostgresBacked", "PostgresFailedError", "PostgresLock", "Rows"]
