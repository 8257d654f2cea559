"""What happens on the way of a call, for those who count and measure it."""

from typing import TypeAlias

from attrs import frozen


@frozen
class AttemptEvent:
    """One attempt at a call ended.

    Attributes:
        method: The HTTP method.
        path: The path on the service's origin, without the query.
        user: Whose budget it took a slot of: the user's name, or a hash of their token. None for an auth of yours.
        attempt: Which attempt at this call it was, from 1.
        seconds: How long it took, waiting for a free connection included.
        status_code: What the service answered; None when no answer came.
        error: The name of the error's class; None when the answer is a success.
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
    """An attempt failed, and the next one comes after a pause.

    Attributes:
        method: The HTTP method.
        path: The path on the service's origin, without the query.
        user: Whose call it is, as `AttemptEvent` has it.
        attempt: Which attempt failed, from 1.
        error: The name of the error's class.
        seconds: How long the pause is.
    """

    method: str
    path: str
    user: str | None
    attempt: int
    error: str
    seconds: float


@frozen
class WaitEvent:
    """A call has waited for its turn: for the user's budget, or for those of their calls that came first after a 429.

    Attributes:
        user: Whose budget it was, as `AttemptEvent` has it.
        seconds: How long it waited.
    """

    user: str | None
    seconds: float


@frozen
class RefreshEvent:
    """A call has waited for its user's token to be renewed. Those that waited for the same renewal have one each.

    Attributes:
        user: The user's name.
        seconds: How long it took.
    """

    user: str | None
    seconds: float


Event: TypeAlias = AttemptEvent | RetryEvent | WaitEvent | RefreshEvent
"""Whatever `on_event` is called with."""
