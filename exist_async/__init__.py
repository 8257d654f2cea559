"""A typed async client for Exist (exist.io): lists of any length, and one outcome for every item of a write."""

from importlib import import_module
from typing import TYPE_CHECKING

from exist_async.attributes import (
    Attribute,
    AttributeEcho,
    AttributeTemplate,
    ByName,
    ByTemplate,
    CustomAttribute,
    Group,
    Service,
    ValueType,
)
from exist_async.auth import BearerToken, SimpleToken
from exist_async.client import ExistClient
from exist_async.errors import (
    AuthenticationError,
    BadRequestError,
    BatchError,
    ClientClosedError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    DeadlineExceededError,
    ExistAsyncError,
    JournalError,
    MirrorError,
    NoAnswerError,
    NotFoundError,
    OAuthError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ReauthorizationRequired,
    ServerError,
    StatusError,
    ValidationIssue,
)
from exist_async.events import AttemptEvent, Event, RefreshEvent, RetryEvent, WaitEvent
from exist_async.outcomes import BatchResult, Outcome, OutcomeStatus, WriteSummary
from exist_async.paging import Page, Paginator
from exist_async.profile import UserProfile
from exist_async.rate_limits import MemoryRateLimiter, RateLimiter
from exist_async.values import AttributeWithValues, DayValue, ValueEcho, ValueIncrement, ValueUpdate
from exist_async.version import __version__

# These are imported when they are first used: not every program needs them, and together they would take a quarter of
# the package's import time.
if TYPE_CHECKING:
    from exist_async.auth.oauth2 import OAuth2
    from exist_async.averages import Average
    from exist_async.correlations import Correlation, CorrelationRating
    from exist_async.insights import Insight, InsightType
    from exist_async.journals.postgres import JournaledJob, PostgresJournal
    from exist_async.journals.sqlite import Journal
    from exist_async.oauth import OAuthApp, Scope
    from exist_async.rate_limits.postgres import PostgresRateLimiter
    from exist_async.rate_limits.redis import RedisRateLimiter
    from exist_async.rate_limits.sqlite import SqliteRateLimiter
    from exist_async.token_stores import (
        FileTokenStore,
        MemoryTokenStore,
        OAuthToken,
        PostgresTokenStore,
        RedisTokenStore,
        TokenStore,
    )
    from exist_async.values.history import History
    from exist_async.values.sync import Comparison
else:
    _LATE_NAMES = {
        "auth.oauth2": ("OAuth2",),
        "averages": ("Average",),
        "correlations": ("Correlation", "CorrelationRating"),
        "insights": ("Insight", "InsightType"),
        "journals.postgres": ("JournaledJob", "PostgresJournal"),
        "journals.sqlite": ("Journal",),
        "oauth": ("OAuthApp", "Scope"),
        "rate_limits.postgres": ("PostgresRateLimiter",),
        "rate_limits.redis": ("RedisRateLimiter",),
        "rate_limits.sqlite": ("SqliteRateLimiter",),
        "token_stores": (
            "FileTokenStore",
            "MemoryTokenStore",
            "OAuthToken",
            "PostgresTokenStore",
            "RedisTokenStore",
            "TokenStore",
        ),
        "values.history": ("History",),
        "values.sync": ("Comparison",),
    }

    def __getattr__(name: str) -> object:
        for module, names in _LATE_NAMES.items():
            if name in names:
                value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "AttemptEvent",
    "Attribute",
    "AttributeEcho",
    "AttributeTemplate",
    "AttributeWithValues",
    "AuthenticationError",
    "Average",
    "BadRequestError",
    "BatchError",
    "BatchResult",
    "BearerToken",
    "ByName",
    "ByTemplate",
    "ClientClosedError",
    "Comparison",
    "ConfigurationError",
    "ConflictError",
    "ConnectionFailedError",
    "Correlation",
    "CorrelationRating",
    "CustomAttribute",
    "DayValue",
    "DeadlineExceededError",
    "Event",
    "ExistAsyncError",
    "ExistClient",
    "FileTokenStore",
    "Group",
    "History",
    "Insight",
    "InsightType",
    "Journal",
    "JournalError",
    "JournaledJob",
    "MemoryRateLimiter",
    "MemoryTokenStore",
    "MirrorError",
    "NoAnswerError",
    "NotFoundError",
    "OAuth2",
    "OAuthApp",
    "OAuthError",
    "OAuthToken",
    "Outcome",
    "OutcomeStatus",
    "OutcomeUnknownError",
    "Page",
    "Paginator",
    "PermissionDeniedError",
    "PostgresJournal",
    "PostgresRateLimiter",
    "PostgresTokenStore",
    "RateLimitError",
    "RateLimiter",
    "ReauthorizationRequired",
    "RedisRateLimiter",
    "RedisTokenStore",
    "RefreshEvent",
    "RetryEvent",
    "Scope",
    "ServerError",
    "Service",
    "SimpleToken",
    "SqliteRateLimiter",
    "StatusError",
    "TokenStore",
    "UserProfile",
    "ValidationIssue",
    "ValueEcho",
    "ValueIncrement",
    "ValueType",
    "ValueUpdate",
    "WaitEvent",
    "WriteSummary",
    "__version__",
]
