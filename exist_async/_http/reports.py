"""Tells the log, and whoever listens to events, what happens on the way of a call."""

import asyncio
import logging
from collections.abc import Callable

import httpx

from exist_async._http.call import Call
from exist_async._http.signing import user_of
from exist_async.events import AttemptEvent, Event, RefreshEvent, RetryEvent, WaitEvent

OnEvent = Callable[[Event], object]

_log = logging.getLogger("exist_async")


class Reports:
    """What is told of the calls of one user.

    Args:
        auth: Whose calls they are.
        on_event: Is called with each event. What it raises is logged, and changes nothing: the call is not its own.
    """

    __slots__ = ("_auth", "_on_event")

    def __init__(self, auth: httpx.Auth, on_event: OnEvent | None) -> None:
        self._auth = auth
        self._on_event = on_event

    def attempt(self, call: Call, number: int, seconds: float, status: int | None, error: BaseException | None) -> None:
        """Tell of an attempt that ended."""
        if _log.isEnabledFor(logging.DEBUG):
            what = " ".join(str(part) for part in (status, error and type(error).__name__) if part is not None)
            _log.debug("%s, attempt %d: %s after %.3f s", call, number, what, seconds)
        if self._on_event is not None:
            name = None if error is None else type(error).__name__
            self._tell(AttemptEvent(call.method, call.path, self._user, number, seconds, status, name))

    def retry(self, call: Call, number: int, error: Exception, seconds: float) -> None:
        """Tell of an attempt that failed and is to be repeated."""
        _log.info("%s, attempt %d failed; the next one comes in %.2f s. %s", call, number, seconds, error)
        if self._on_event is not None:
            self._tell(RetryEvent(call.method, call.path, self._user, number, type(error).__name__, seconds))

    def wait(self, call: Call, seconds: float) -> None:
        """Tell of a call that has waited for its turn."""
        _log.info("%s waited %.2f s for its turn", call, seconds)
        if self._on_event is not None:
            self._tell(WaitEvent(self._user, seconds))

    def refresh(self, call: Call, seconds: float) -> None:
        """Tell of a call that has waited for a token to be renewed."""
        _log.info("%s waited %.2f s for a token to be renewed", call, seconds)
        if self._on_event is not None:
            self._tell(RefreshEvent(self._user, seconds))

    @property
    def _user(self) -> str | None:
        user = user_of(self._auth)
        # What stands for a caller's own auth is the auth itself, which may show its secrets.
        return user if isinstance(user, str) else None

    def _tell(self, event: Event) -> None:
        assert self._on_event is not None
        try:
            self._on_event(event)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001  (no call is to fail for want of a metric)
            _log.exception("on_event raised; the call goes on")


def ended_late(call: Call, answer: object) -> None:
    """Log how a write ended whose caller was cancelled on the way and can't be told any more."""
    if isinstance(answer, Exception):
        _log.warning("%s was cancelled while it was under way. It ended in this: %s", call, answer)
    else:
        _log.info("%s was cancelled while it was under way. It succeeded.", call)
