"""Tokens in this process's memory."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from threading import Lock

from exist_async._checks import check_text
from exist_async._secrets import Unpicklable
from exist_async.token_stores.token import OAuthToken, check_oauth_token


class MemoryTokenStore(Unpicklable):
    """Keeps tokens for as long as the process lives: for tests, and for tokens that are kept elsewhere in the end.

    Its methods raise ConfigurationError for a user who is no string of text.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, OAuthToken] = {}
        self._last: dict[str, Future[None]] = {}
        self._queueing = Lock()

    def __repr__(self) -> str:
        return f"MemoryTokenStore(<{len(self._tokens)} tokens>)"

    async def load(self, user: str) -> OAuthToken | None:
        """Return the user's token, as `TokenStore.load` has it."""
        check_text("user", user)
        return self._tokens.get(user)

    async def save(self, user: str, token: OAuthToken) -> None:
        """Keep a token, as `TokenStore.save` has it, as long as the process lives."""
        check_text("user", user)
        check_oauth_token(token)
        self._tokens[user] = token

    async def delete(self, user: str) -> None:
        """Forget the user's token, as `TokenStore.delete` has it."""
        check_text("user", user)
        self._tokens.pop(user, None)

    @asynccontextmanager
    async def lock(self, user: str) -> AsyncGenerator[None, None]:
        """Let in one renewal at a time, as `TokenStore.lock` has it, in the order in which they came."""
        check_text("user", user)
        # asyncio's own lock is of one event loop, and other threads have their own.
        mine: Future[None] = Future()
        # A future that runs can't be cancelled, by the cancellation of whoever waits for it.
        mine.set_running_or_notify_cancel()
        with self._queueing:
            before = self._last.get(user)
            self._last[user] = mine
        try:
            if before is not None:
                await asyncio.wrap_future(before)
            yield
        finally:
            if before is None or before.done():
                self._let_in_next(user, mine)
            else:
                # Cancelled while it waited: its turn comes and goes.
                before.add_done_callback(lambda _: self._let_in_next(user, mine))

    def _let_in_next(self, user: str, mine: "Future[None]") -> None:
        with self._queueing:
            if self._last.get(user) is mine:
                del self._last[user]
        mine.set_result(None)
