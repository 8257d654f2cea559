"""How far a call has got, and what becomes of it when its caller has gone."""

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import httpx
from attrs import define, frozen

from exist_async._http import responses
from exist_async._http.call import Call
from exist_async._http.gates import Gate
from exist_async._http.signing import RenewableAuth
from exist_async._secrets import credentials_of, without
from exist_async.errors import ExistAsyncError, NoAnswerError

T = TypeVar("T")


@frozen(eq=False, repr=False)
class Answer(Generic[T]):
    """The answer to a call.

    Attributes:
        value: What the service says.
        repeated: Whether an earlier attempt may have been carried out too, so that it speaks of the second time.
        request: What it answers.
    """

    value: T
    repeated: bool
    request: httpx.Request

    def hide(self, text: str) -> str:
        """Return a text of the answer without what signed the request, which a service may repeat."""
        return without(credentials_of(self.request), text)


Late = Callable[[Answer[T] | Exception], object]
"""Hears how a write ended whose caller was cancelled on the way."""


class Fate:
    """What a caller wants to know of a call that raises what is none of this package's errors.

    Attributes:
        sent: Whether anything of it may have been sent.
        alone: Whether its last attempt goes on alone, and is told late.
    """

    __slots__ = ("alone", "sent")

    def __init__(self) -> None:
        self.sent = False
        self.alone = False


@define(eq=False, repr=False)
class Course:
    """How far a call has got.

    Attributes:
        ends_at: When no further attempt may begin, by the session's clock.
        renewable: What can renew the token; None once it did, since a second 401 has another reason than its age.
        fate: What the caller wants to know.
        attempt: How many attempts there were.
        uncounted: How many of them don't count as retries.
        waited: Seconds spent waiting for its turn.
        gate: The gate that it is inside of.
        held_up: Whether it had to wait inside of the gate.
        let_through: How many that gate had let through when the service refused this call last.
        lost: What the last attempt ended in that may have been carried out.
        rejected: The token that a 401 was about.
    """

    ends_at: float | None
    renewable: RenewableAuth | None
    fate: Fate
    attempt: int = 0
    uncounted: int = 0
    waited: float = 0.0
    gate: Gate | None = None
    held_up: bool = False
    let_through: int = 0
    lost: ExistAsyncError | None = None
    rejected: str = ""


def tell_late(call: Call, late: Late[Any], lost: ExistAsyncError | None, delivery: "asyncio.Task[Answer[Any]]") -> None:
    """Tell how an attempt ended that went on alone."""
    answer: Answer[Any] | Exception
    try:
        answer = delivery.result()
    except asyncio.CancelledError:
        answer = responses.unknown(call, "its event loop ended before an answer came")
    except ExistAsyncError as error:
        answer = with_earlier(lost, error, call)
    except Exception as error:  # noqa: BLE001  (what is not of our tree is their auth's)
        answer = error
    late(answer)


def with_earlier(lost: ExistAsyncError | None, error: ExistAsyncError, call: Call) -> ExistAsyncError:
    """Return what a write's last error means after an earlier attempt that may have been carried out."""
    if lost is None or call.is_read or isinstance(error, NoAnswerError):
        return error
    return responses.unknown(call, f"no readable answer came to an earlier attempt, and the last one failed ({error})")
