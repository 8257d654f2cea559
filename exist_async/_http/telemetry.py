"""Reports the progress of calls to the log and to the `on_event` callback."""

import asyncio
import logging
from collections.abc import Callable

import httpx
from attrs import define

from exist_async._http.call import Call
from exist_async._http.signing import user_of
from exist_async.events import AttemptEvent, Event, RefreshEvent, RetryEvent, WaitEvent

_log = logging.getLogger("exist_async")


@define(eq=False, repr=False)
class Telemetry:
    """Reports on the calls of one user.

    Args:
        auth: Signs their requests.
        on_event: Called with each event. An error that it raises is logged, and does not affect the call.
    """

    _auth: httpx.Auth
    _on_event: Callable[[Event], object] | None

    def report_attempt(
        self, call: Call, number: int, seconds: float, status: int | None, error: BaseException | None
    ) -> None:
        """Report an attempt that ended."""
        if _log.isEnabledFor(logging.DEBUG):
            end = " ".join(str(part) for part in (status, error and type(error).__name__) if part is not None)
            _log.debug("%s, attempt %d: %s after %.3f s", call, number, end, seconds)
        if self._on_event is not None:
            name = None if error is None else type(error).__name__
            self._emit(AttemptEvent(call.method, call.path, self._user, number, seconds, status, name))

    def report_retry(self, call: Call, number: int, error: Exception, seconds: float) -> None:
        """Report an attempt that failed and will be repeated."""
        _log.info("%s, attempt %d failed; retrying in %.2f s. %s", call, number, seconds, error)
        if self._on_event is not None:
            self._emit(RetryEvent(call.method, call.path, self._user, number, type(error).__name__, seconds))

    def report_wait(self, call: Call, seconds: float) -> None:
        """Report a call that waited for the budget, or for others of its user's calls after a 429."""
        _log.info("%s waited %.2f s for the rate limit", call, seconds)
        if self._on_event is not None:
            self._emit(WaitEvent(self._user, seconds))

    def report_renewal(self, call: Call, seconds: float) -> None:
        """Report a call that waited for a token to be renewed."""
        _log.info("%s waited %.2f s for a token to be renewed", call, seconds)
        if self._on_event is not None:
            self._emit(RefreshEvent(self._user, seconds))

    @property
    def _user(self) -> str | None:
        user = user_of(self._auth)
        # A caller's own auth stands for its user, and its repr may show its secrets.
        return user if isinstance(user, str) else None

    def _emit(self, event: Event) -> None:
        assert self._on_event is not None
        try:
            self._on_event(event)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001  (a callback's error must not fail the call)
            _log.exception("on_event raised an error; the call goes on")


def log_late_answer(call: Call, answer: object) -> None:
    """Log how a write ended whose caller was cancelled while it was in flight."""
    if isinstance(answer, Exception):
        _log.warning("%s was cancelled while it was in flight. It ended with: %s", call, answer)
    else:
        _log.info("%s was cancelled while it was in flight. It succeeded.", call)
