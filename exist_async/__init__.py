"""A typed async client for Exist (exist.io): attribute lists of any length, with one outcome for every item."""

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
from exist_async.outcomes import BatchResult, Outcome, OutcomeStatus
from exist_async.paging import Page, Paginator
from exist_async.profile import UserProfile
from exist_async.rate_limits import MemoryRateLimiter, RateLimiter
from exist_async.values import AttributeWithValues, DayValue, ValueEcho, ValueIncrement, ValueUpdate
from exist_async.version import __version__

# Not every program needs these, and together they would cost it a quarter of the import: they are imported when they
# are asked for.
if TYPE_CHECKING:
    from exist_async.auth.oauth2 import OAuth2
    from exist_async.averages import Average
    from exist_async.correlations import Correlation, CorrelationRating
    from exist_async.insights import Insight, InsightType
    from exist_async.oauth import OAuthApp, Scope
    from exist_async.rate_limits.redis import RedisRateLimiter
    from exist_async.rate_limits.sqlite import SqliteRateLimiter
    from exist_async.token_stores import FileTokenStore, MemoryTokenStore, OAuthToken, RedisTokenStore, TokenStore
    from exist_async.values.history import History
else:
    _HOMES = {
        "OAuth2": "exist_async.auth.oauth2",
        "Average": "exist_async.averages",
        "Correlation": "exist_async.correlations",
        "CorrelationRating": "exist_async.correlations",
        "Insight": "exist_async.insights",
        "InsightType": "exist_async.insights",
        "OAuthApp": "exist_async.oauth",
        "Scope": "exist_async.oauth",
        "RedisRateLimiter": "exist_async.rate_limits.redis",
        "SqliteRateLimiter": "exist_async.rate_limits.sqlite",
        "FileTokenStore": "exist_async.token_stores",
        "MemoryTokenStore": "exist_async.token_stores",
        "OAuthToken": "exist_async.token_stores",
        "RedisTokenStore": "exist_async.token_stores",
        "TokenStore": "exist_async.token_stores",
        "History": "exist_async.values.history",
    }

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})


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
    "MemoryRateLimiter",
    "MemoryTokenStore",
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
    "__version__",
]
