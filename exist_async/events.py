"""Events of a call, for metrics: each attempt, retry, wait and token renewal."""

from typing import TypeAlias

from attrs import frozen


@frozen
class AttemptEvent:
    """An attempt at a call ended.

    Attributes:
        method, path: HTTP method, and path without the query.
        user: Owner of the rate budget: the user's name, or a hash of the token. None for your own `httpx.Auth`.
        attempt: Number of the attempt at this call, from 1.
        seconds: Duration of the attempt, including the wait for a free connection.
        status_code: HTTP status of the answer; None if no answer came.
        error: Name of the error's class; None if the answer is a success.
    """

    method: str
    path: str
    user: str | None
    attempt: int
    seconds: float
    status_code: int | None
    error: str | None


@frozen
class RetryEvent:
    """An attempt failed, and another will follow after a pause.

    Attributes:
        attempt: Number of the attempt that failed, from 1.
        error: Name of the error's class.
        seconds: Duration of the pause.

    The other attributes are as in `AttemptEvent`.
    """

    method: str
    path: str
    user: str | None
    attempt: int
    error: str
    seconds: float


@frozen
class WaitEvent:
    """A call has waited for the rate limiter, or, after a 429, for other calls of the same user.

    Attributes:
        user: As in `AttemptEvent`.
        seconds: Duration of the wait.
    """

    user: str | None
    seconds: float


@frozen
class RefreshEvent:
    """A call has waited for the renewal of its user's token. Each call that waited emits its own event.

    Attributes:
        user: The user's name.
        seconds: Duration of the wait.
    """

    user: str | None
    seconds: float


Event: TypeAlias = AttemptEvent | RetryEvent | WaitEvent | RefreshEvent
"""Any event that `on_event` is called with."""
