"""A copy of a user's data on Exist, in a SQLite file."""

from exist_async.mirror.mirror import Mirror
from exist_async.mirror.reading import MirroredAttribute
from exist_async.mirror.report import PullProgress, PullReport

__all__ = ["Mirror", "MirroredAttribute", "PullProgress", "PullReport"]
