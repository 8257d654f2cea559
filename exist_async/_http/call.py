"""One call: the request that it makes, and its state while it is being sent."""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextvars import ContextVar
from urllib.parse import urlencode

from attrs import define, field, frozen

from exist_async._http.throttle import Line
from exist_async.errors import ExistAsyncError
from exist_async.rate_limits.slots import Slots


@frozen(eq=False, repr=False)
class Call:
    """The request of a call, however many attempts it takes.

    Attributes:
        method: The HTTP method.
        path: The path on the service's origin, starting with a slash, without the query.
        query: The encoded query, without its question mark.
        body: The encoded body, or None.
        repeatable: Whether carrying it out twice is harmless.
        content_type: The media type of the body.
        max_repeats: Maximum number of repeats after an attempt that may have been carried out; None leaves it to
            `max_retries`.
        secrets: Secrets in the body, which only token requests have.
        item_count: Number of items in the body, each of which the reply answers; 0 for a body that is not a list.
    """

    method: str
    path: str
    query: str = ""
    body: bytes | None = field(default=None, repr=False)
    repeatable: bool = True
    content_type: bytes = b"application/json"
    max_repeats: int | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    item_count: int = 0

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing on the service."""
        return self.method == "GET"

    @property
    def is_token_request(self) -> bool:
        """Whether it asks for a token, so that nothing of it or of its answer may be quoted."""
        return bool(self.secrets)

    @property
    def outlives_caller(self) -> bool:
        """Whether an attempt goes on when its caller is cancelled: a write does, whose outcome would stay unknown.

        A token request does not: without its caller, there is nobody to save the token.
        """
        return not self.is_read and not self.secrets

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@define(eq=False, repr=False)
class CallState:
    """The state of one call across its attempts. A caller that needs more than the answer passes its own.

    Attributes:
        ends_at: Monotonic time after which no further attempt starts; None is no deadline.
        attempt: Number of attempts started.
        uncounted: Number of attempts that do not count towards `max_retries`.
        repeats: Number of attempts that were made after one that may have been carried out.
        waited: Seconds spent waiting for the budget, behind other calls, and in pauses that the service asked for.
        connected: Whether the current attempt has got a connection, so that bytes may have been sent.
        request_connected: The same for the attempt's last request: an auth that answers a challenge sends two.
        sent: Whether any attempt has got a connection.
        detached: Whether the attempt of a cancelled write goes on without its caller.
        lost: The error of the last attempt that may have been carried out.
        renewed: Whether the token was renewed after a 401. A second 401 has another reason than the token's age.
        authorization: The Authorization header of the request that was answered last.
        slots: The slots of the budget that were taken for the next attempt; those of an attempt under way belong to it.
        line: The throttle's line that the call has reached the head of.
        paused_in_line: Whether it has slept or waited for the budget there.
        conflict_keys: Keys of what a write changes: after its caller was cancelled, the user's next write with one of
            them waits for the end of the attempt.
        answered_in_line: Number of calls answered from that line when this call was refused last.
        user: The user whose share of the connections the current attempt takes.
        before_sending: Called when the turn of an attempt has come, once, and again after `when_held_back`. Nothing is
            sent if it raises an error.
        when_held_back: Called when a 429 shows that nothing was carried out, and the next attempt has to wait.
        is_announced: Whether `before_sending` was called since.
    """

    ends_at: float | None = None
    attempt: int = 0
    uncounted: int = 0
    repeats: int = 0
    waited: float = 0.0
    connected: bool = False
    request_connected: bool = False
    sent: bool = False
    detached: bool = False
    lost: ExistAsyncError | None = None
    renewed: bool = False
    authorization: str = field(default="", repr=False)
    slots: Slots | None = None
    line: Line | None = None
    paused_in_line: bool = False
    answered_in_line: int = 0
    conflict_keys: frozenset[Hashable] | set[Hashable] = frozenset()
    user: Hashable = None
    before_sending: Callable[[], Awaitable[None]] | None = None
    when_held_back: Callable[[], None] | None = None
    is_announced: bool = False


current_state: ContextVar[CallState | None] = ContextVar("exist_async_call_state", default=None)
"""The state of the call that the running task is sending: the transport marks it when the request gets a connection."""


def encode_query(params: Mapping[str, str]) -> str:
    """Encode a query; the commas of lists stay as they are."""
    return urlencode(params, safe=",")
