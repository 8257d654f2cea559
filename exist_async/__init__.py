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
from exist_async.auth import BearerToken, SimpleToken
from exist_async.batch import BatchResult, Outcome, OutcomeStatus
from exist_async.client import ExistClient
from exist_async.errors import (
    AuthenticationError,
    BadRequestError,
    BatchError,
    ClientClosedError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    ExistAsyncError,
    NoAnswerError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StatusError,
)
from exist_async.paging import Page, Paginator
from exist_async.profile import UserProfile
from exist_async.rate_limits import MemoryRateLimiter, RateLimiter
from exist_async.version import __version__

__all__ = [
    "Attribute",
    "AttributeEcho",
    "AttributeTemplate",
    "AuthenticationError",
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
    "CustomAttribute",
    "ExistAsyncError",
    "ExistClient",
    "Group",
    "MemoryRateLimiter",
    "NoAnswerError",
    "NotFoundError",
    "Outcome",
    "OutcomeStatus",
    "OutcomeUnknownError",
    "Page",
    "Paginator",
    "PermissionDeniedError",
    "RateLimitError",
    "RateLimiter",
    "ServerError",
    "Service",
    "SimpleToken",
    "StatusError",
    "UserProfile",
    "ValueType",
    "__version__",
]
