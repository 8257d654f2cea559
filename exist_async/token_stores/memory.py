"""A token store in this process's memory."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from threading import Lock

from exist_async._checks import check_text
from exist_async._secrets import Unpicklable, hides_locals
from exist_async.token_stores.token import OAuthToken, check_oauth_token


class MemoryTokenStore(Unpicklable):
    """Keeps tokens until the process ends: for tests, and for programs that store tokens by other means.

    The methods raise ConfigurationError for a user who is not a string of text.
    """

    lock_can_be_lost = False

    def __init__(self) -> None:
        self._tokens: dict[str, OAuthToken] = {}
        self._last: dict[str, Future[None]] = {}
        self._queueing = Lock()

    def __repr__(self) -> str:
        return f"MemoryTokenStore(<{len(self._tokens)} tokens>)"

    async def load(self, user: str) -> OAuthToken | None:
        """Return the user's token; see `TokenStore.load`."""
        check_text("user", user)
        return self._tokens.get(user)

    @hides_locals
    async def save(self, user: str, token: OAuthToken) -> None:
        """Save a token; see `TokenStore.save`."""
        check_text("user", user)
        check_oauth_token(token)
        self._tokens[user] = token

    async def delete(self, user: str) -> None:
        """Delete the user's token; see `TokenStore.delete`."""
        check_text("user", user)
        self._tokens.pop(user, None)

    @asynccontextmanager
    async def lock(self, user: str) -> AsyncGenerator[None, None]:
        """Allow one renewal at a time, in order of arrival; see `TokenStore.lock`."""
        check_text("user", user)
        # An asyncio.Lock belongs to one event loop, and other threads have loops of their own.
        mine: Future[None] = Future()
        # A future that is marked as running can't be cancelled by a waiter that is cancelled.
        mine.set_running_or_notify_cancel()
        with self._queueing:
            previous = self._last.get(user)
            self._last[user] = mine
        try:
            if previous is not None:
                await asyncio.wrap_future(previous)
            yield
        finally:
            if previous is None or previous.done():
                self._release(user, mine)
            else:
                # Cancelled while waiting: the next waiter may start when the previous one has ended.
                previous.add_done_callback(lambda _: self._release(user, mine))

    def _release(self, user: str, mine: "Future[None]") -> None:
        with self._queueing:
            if self._last.get(user) is mine:
                del self._last[user]
        mine.set_result(None)
