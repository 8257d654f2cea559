"""A typed async client for Exist (exist.io): attribute lists of any length, with one outcome for every item."""

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
from exist_async.auth import BearerToken, OAuth2, SimpleToken
from exist_async.averages import Average
from exist_async.batch import BatchResult, Outcome, OutcomeStatus
from exist_async.client import ExistClient
from exist_async.correlations import Correlation, CorrelationRating
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
from exist_async.insights import Insight, InsightType
from exist_async.oauth import OAuthApp, Scope
from exist_async.paging import Page, Paginator
from exist_async.profile import UserProfile
from exist_async.rate_limits import MemoryRateLimiter, RateLimiter, RedisRateLimiter, SqliteRateLimiter
from exist_async.token_stores import FileTokenStore, MemoryTokenStore, OAuthToken, RedisTokenStore, TokenStore
from exist_async.values import AttributeWithValues, DayValue, History, ValueEcho, ValueIncrement, ValueUpdate
from exist_async.version import __version__

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
