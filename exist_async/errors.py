"""The errors of this package.

```
ExistAsyncError
├── ConfigurationError        an argument, or an item of a write, is wrong; it was not sent (also a ValueError)
├── ClientClosedError         the client was closed; a write was not sent
├── ConnectionFailedError     could not connect; nothing was sent
├── DeadlineExceededError     the call's deadline passed before it was sent
├── NoAnswerError             sent, but no usable answer came
│   └── OutcomeUnknownError   the same for a write, also after a 408 or 5xx: it may have been carried out
├── RateLimitError            the rate budget is spent for longer than max_wait; nothing was carried out
├── StatusError               the service answered with an error status
│   ├── BadRequestError           400
│   ├── AuthenticationError       401
│   ├── PermissionDeniedError     403
│   ├── NotFoundError             404
│   ├── ConflictError             409
│   └── ServerError               5xx, to a read
├── OAuthError                signing in or renewing the token failed; nothing was carried out
│   └── ReauthorizationRequired   the user has to sign in again
├── JournalError              the journal of a write can't be used; what it could not note was not sent
├── MirrorError               the file of a mirror can't be used; it is as it was before
└── BatchError                only some items of a write succeeded, or its requests failed with different errors
```

Errors can be pickled, and their texts contain no token. An error raised by a write has the outcomes of its items in
`result`, or their summary in `summary` if the write does not keep outcomes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from exist_async.outcomes import BatchResult, WriteSummary


class ExistAsyncError(Exception):
    """Base class of all errors of this package.

    Attributes:
        result: Outcome of every item that was read, if a write of several items raised the error; else None.
        summary: Summary of these outcomes, if the write was called with `keep_outcomes=False`; else None.
    """

    result: BatchResult[Any, Any] | None = None
    summary: WriteSummary[Any, Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Without `__init__`, which the default calls with `args` alone: some classes have keyword-only arguments.
        state = dict(self.__dict__)
        if isinstance(self.__cause__, ExistAsyncError):
            state["__cause__"] = self.__cause__
        return _rebuild, (type(self), self.args), state


def _rebuild(cls: type[ExistAsyncError], args: tuple[object, ...]) -> ExistAsyncError:
    return cls.__new__(cls, *args)


class ConfigurationError(ExistAsyncError, ValueError):
    """An argument is wrong, or an item of a write: it was not sent. Of a stream, the items before it were sent."""


class ClientClosedError(ExistAsyncError):
    """The client was closed before the call was answered. A write was not sent."""


class ConnectionFailedError(ExistAsyncError):
    """Could not connect, so nothing was sent: repeating the call is harmless."""


class DeadlineExceededError(ExistAsyncError):
    """The call's `deadline` passed before the request was sent: repeating it is harmless."""


class NoAnswerError(ExistAsyncError):
    """A request was sent, but the answer timed out, broke off, or lacks what was asked for."""


class OutcomeUnknownError(NoAnswerError):
    """A write was sent, and it is unknown whether it was carried out. `__cause__` is the reason: a ServerError, say.

    Attributes:
        repeatable: Whether repeating the write is harmless. An increment is not: it would be added twice.
        repeat_refused: Whether it was repeated, and the service refused the repeat.
    """

    def __init__(self, message: str, *, repeatable: bool, repeat_refused: bool = False) -> None:
        super().__init__(message)
        self.repeatable = repeatable
        self.repeat_refused = repeat_refused


class RateLimitError(ExistAsyncError):
    """The rate budget is spent, and waiting for it takes longer than `max_wait`. Nothing was carried out.

    It is also raised when the store of the budget fails, unless the limiter's `when_unavailable` is "go_on".

    Attributes:
        retry_after: Seconds until the next request can be sent; None if unknown.
        status_code: 429 if the service refused this request; None if it was held back by the client.
        detail, code, type, request_id: As in `StatusError`.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status_code: int | None = None,
        detail: str | None = None,
        code: str | None = None,
        type: str | None = None,  # noqa: A002  (the service's own name)
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status_code = status_code
        self.detail = detail
        self.code = code
        self.type = type
        self.request_id = request_id


@frozen
class ValidationIssue:
    """A problem with one field of a request. Attio sends them, though they are not documented.

    Attributes:
        code: Error code, such as `invalid_type`.
        path: Path of the field in the request, as field names and list indices.
        message: Message of the service.
        expected, received: Type or value that was expected, and the one that was sent, if given.
    """

    code: str | None = None
    path: tuple[str | int, ...] = ()
    message: str | None = None
    expected: str | None = None
    received: str | None = None

    def __str__(self) -> str:
        where = ".".join(map(str, self.path))
        return ": ".join(filter(None, (where, self.message or self.code or "wrong")))


class StatusError(ExistAsyncError):
    """The service answered with an error status, or with a redirect; redirects are never followed.

    Attributes:
        status_code: HTTP status.
        method, path: HTTP method of the request, and its path without the query.
        detail: Message of the service; None if it sent no readable one.
        code: Error code of the service, if any.
        body: Start of the body of the answer.
        request_id: Identifier that the service gave the request, if any; quote it to the service's support.
        retry_after: Seconds after which the service allows another attempt, if given.
        type: Error type, if the service has them, as Attio does.
        validation_errors: Problems with the fields of the request, if the service lists them, as Attio does.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        method: str,
        path: str,
        detail: str | None = None,
        code: str | None = None,
        body: str = "",
        request_id: str | None = None,
        retry_after: float | None = None,
        type: str | None = None,  # noqa: A002  (the service's own name)
        validation_errors: tuple[ValidationIssue, ...] = (),
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.method = method
        self.path = path
        self.detail = detail
        self.code = code
        self.body = body
        self.request_id = request_id
        self.retry_after = retry_after
        self.type = type
        self.validation_errors = validation_errors


class BadRequestError(StatusError):
    """400: the request is invalid."""


class AuthenticationError(StatusError):
    """401: the token is missing, wrong or expired; in `SimpleToken.login`, the password is wrong."""


class PermissionDeniedError(StatusError):
    """403: the token is valid, but lacks the scope or the permission for the request."""


class NotFoundError(StatusError):
    """404: the requested object does not exist."""


class ConflictError(StatusError):
    """409: the object exists already."""


class ServerError(StatusError):
    """5xx: the service, or a proxy in front of it, failed."""


class OAuthError(ExistAsyncError):
    """Signing in or renewing the token failed. The call that needed the token was not carried out.

    Attributes:
        code: OAuth error code, such as `invalid_grant` or `access_denied`; None if there is none.
        description: Message of the service; None if it sent none. A secret in it is replaced by `[secret]`.
        status_code: HTTP status of the answer that refused; None if there was none.
    """

    def __init__(
        self, message: str, *, code: str | None = None, description: str | None = None, status_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.description = description
        self.status_code = status_code


class ReauthorizationRequired(OAuthError):  # noqa: N818  (named for the remedy)
    """The user has to sign in again, because there is no token, or none that can be renewed."""


class JournalError(ExistAsyncError):
    """The journal of a write can't be used: it is open elsewhere or damaged, its disk is full, or its folder read-only.

    One in PostgreSQL can't be used either while its server can't be reached.

    What could not be noted was not sent. If outcomes could not be noted, they are told all the same.
    """


class MirrorError(ExistAsyncError):
    """The file of a mirror can't be used; it is as it was before, and the message says what to do.

    It does not exist yet, is damaged, is no mirror, was written by a newer version, is locked by another pull or
    program, or is read-only, or its disk is full. What was pulled before is kept.
    """


class BatchError(ExistAsyncError):
    """Items of a write did not succeed, and no single error of the package explains why.

    Its requests failed with different errors, or only some of them failed; the caller's own code raised an error; or
    `raise_for_failures` found items that were refused.

    Attributes:
        result: Outcome of every item that was read; None for a write that does not keep outcomes.
        summary: Summary of the outcomes of such a write; else None.
        errors: The distinct errors: that of the caller's code first, then those of the requests, in the order of items.
    """

    def __init__(
        self,
        message: str,
        *,
        result: BatchResult[Any, Any] | None = None,
        summary: WriteSummary[Any, Any] | None = None,
        errors: tuple[Exception, ...],
    ) -> None:
        super().__init__(message)
        self.result = result
        self.summary = summary
        self.errors = errors
