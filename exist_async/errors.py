"""Everything this package raises.

```
ExistAsyncError
├── ConfigurationError        an argument is wrong; nothing was sent (also a ValueError)
├── ClientClosedError         the client was closed
├── ConnectionFailedError     no connection was made; nothing was sent
├── DeadlineExceededError     the call's deadline passed before it was sent
├── NoAnswerError             sent, and no readable answer came
│   └── OutcomeUnknownError   the same for a write: it may have been carried out
├── RateLimitError            the hourly budget is spent for longer than the caller wants to wait
├── StatusError               the service answered with an error
│   ├── BadRequestError           400
│   ├── AuthenticationError       401
│   ├── PermissionDeniedError     403
│   ├── NotFoundError             404
│   ├── ConflictError             409
│   └── ServerError               5xx
├── OAuthError                signing in, or staying signed in, failed; the call itself was not carried out
│   └── ReauthorizationRequired   the user has to sign in again
└── BatchError                several items of a write failed in several ways
```

Every error is picklable, and its text holds no token. An error that a write raises has every item's outcome in
`result`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from exist_async.outcomes import BatchResult


class ExistAsyncError(Exception):
    """The root of all errors of this package.

    Attributes:
        result: For an error that a write raised, the outcome of every item that was given to it; else None.
    """

    result: BatchResult[Any, Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls the class with `args`, which the classes with keyword-only facts refuse.
        state = dict(self.__dict__)
        if isinstance(self.__cause__, ExistAsyncError):
            state["__cause__"] = self.__cause__
        return _rebuild, (type(self), self.args), state


def _rebuild(cls: type[ExistAsyncError], args: tuple[object, ...]) -> ExistAsyncError:
    return cls.__new__(cls, *args)


class ConfigurationError(ExistAsyncError, ValueError):
    """An argument is wrong. It was noticed here, before anything was sent."""


class ClientClosedError(ExistAsyncError):
    """The client was closed before this call could be sent."""


class ConnectionFailedError(ExistAsyncError):
    """No connection was made, so nothing was sent: the call can be made again without harm."""


class DeadlineExceededError(ExistAsyncError):
    """The call's `deadline` passed before this request was sent: it can be made again without harm."""


class NoAnswerError(ExistAsyncError):
    """A request was sent, and no readable answer came: cut off, timed out, or not of the documented shape."""


class OutcomeUnknownError(NoAnswerError):
    """A write was sent, and nobody can say whether it was carried out. `__cause__` says what happened.

    Attributes:
        repeatable: Whether doing it again is harmless. It is not for an increment, which would add twice.
    """

    def __init__(self, message: str, *, repeatable: bool) -> None:
        super().__init__(message)
        self.repeatable = repeatable


class RateLimitError(ExistAsyncError):
    """The budget of requests is spent, and waiting for it takes longer than `max_wait`. Nothing was carried out.

    It is raised, too, when what keeps the budget fails, and requests are to stop then.

    Attributes:
        retry_after: Seconds until the next request can be let in; None when that is not known.
        status_code: 429 when the service refused the request, None when it was held back here.
        detail: What the service said, in its own words, where it said something.
        code: The service's own short code for it, where it gave one.
        type: The kind of error, where the service has kinds, as Attio does.
        request_id: The service's name for the request, where it gave one.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None,
        status_code: int | None,
        detail: str | None = None,
        code: str | None = None,
        type: str | None = None,  # noqa: A002  (the service's own word)
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
    """What a service found wrong with one field of a request. Attio says so, though it is not documented.

    Attributes:
        code: Its short code for what is wrong, such as `invalid_type`.
        path: Where in the request the field is: its name, and those of the fields and places that it is in.
        message: What is wrong, in its words.
        expected: What it wanted there, where it says so.
        received: What it got, where it says so.
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
    """The service answered with an error, or with a redirect, which is never followed.

    Attributes:
        status_code: The HTTP status.
        method: The HTTP method of the request.
        path: The path of the request, without its query.
        detail: What the service said, in its own words; None when it said nothing readable.
        code: The service's own short code for the error, where it gave one.
        body: The beginning of the answer's body.
        request_id: The service's name for this request, to quote to its support, where it gave one.
        retry_after: Seconds after which the service wants to be asked again, where it said so.
        type: The kind of error, where the service has kinds, as Attio does.
        validation_errors: What is wrong with the fields of the request, where the service says so, as Attio does.
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
        type: str | None = None,  # noqa: A002  (the service's own word)
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
    """400: the service found the request invalid."""


class AuthenticationError(StatusError):
    """401: the token is missing, wrong or expired. Also what a wrong password is, at `SimpleToken.login`."""


class PermissionDeniedError(StatusError):
    """403: the token is good, and lacks the scope or the right to do this."""


class NotFoundError(StatusError):
    """404: there is no such thing."""


class ConflictError(StatusError):
    """409: it is there already."""


class ServerError(StatusError):
    """5xx: the service, or a proxy in front of it, failed."""


class OAuthError(ExistAsyncError):
    """Signing in failed, or staying signed in did. A call that ends in this was not carried out.

    Attributes:
        code: The service's own short code, such as `invalid_grant` or `access_denied`; None where it gave none.
        description: What the service said besides; None when it said nothing, or repeated a secret.
        status_code: The HTTP status of the answer; None when no answer was the reason.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        description: str | None = None,
        status_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.description = description
        self.status_code = status_code


class ReauthorizationRequired(OAuthError):  # noqa: N818  (it is what has to be done)
    """The user has to sign in again: there is no token of theirs, or none that can be renewed."""


class BatchError(ExistAsyncError):
    """Not every item of a write was answered, and no single error says why.

    Attributes:
        result: The outcome of every item.
        errors: The distinct errors behind the outcomes that are not answers, in the order of the items.
    """

    def __init__(self, message: str, *, result: BatchResult[Any, Any], errors: tuple[Exception, ...]) -> None:
        super().__init__(message)
        self.result = result
        self.errors = errors
