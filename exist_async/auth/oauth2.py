"""Signs requests for a user who signed in, and keeps them signed in."""

import asyncio
import inspect
import logging
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager

import httpx

from exist_async._checks import check_function, check_text
from exist_async._concurrency import cancelled_by_caller
from exist_async._http.signing import RenewableAuth
from exist_async._secrets import Unpicklable
from exist_async.auth.renewals import once
from exist_async.errors import ConfigurationError, OAuthError, ReauthorizationRequired
from exist_async.oauth import OAuthApp
from exist_async.token_stores import OAuthToken, TokenStore

_MARGIN = 300.0
"""Seconds before its end in which a token is renewed, so that no request meets the end on its way."""

_log = logging.getLogger("exist_async")

# What stores that failed did not take, by user and the access token before: without it, they would have to sign in
# again. All objects of this process find it, as there may be one for each request.
_unsaved: dict[tuple[str, str], OAuthToken] = {}

_SIGN_IN = "Let them sign in (OAuthApp.authorization_url() and exchange()), and save the token in the store"


class OAuth2(Unpicklable, RenewableAuth):
    """Signs requests with the token that a store keeps for a user, and renews it when it expires or is rejected.

    A renewal ends both old tokens. So there is only one, however many calls, clients and processes find the token
    expired: those that share the store wait for it and use the new token. It is saved before it is used, and a caller
    who is cancelled meanwhile ends nothing. `ExistClient.aclose()` waits until it is saved, so that a timeout or Ctrl-C
    inside of `async with ExistClient(…)` loses none. Should the process be killed between the service's answer and the
    saving, or an event loop end without an `aclose()`, the new token is lost, and the next call raises
    ReauthorizationRequired.

    Calls raise OAuthError when the token can't be had or renewed, and ReauthorizationRequired, which is one, when the
    user has to sign in again. They were not carried out then. A renewal shortly before the token expires may fail: that
    is logged, calls go on with the token, and the next attempt comes after half of the time that it has left.

    Args:
        app: The app that the user signed in with.
        store: Where their token is.
        user: Their name in the store. It also names their hourly budget.
        on_change: Called with a new token after it was saved, once, by the object that renewed it; may be asynchronous.
            Objects and processes that find the token renewed by another do not call theirs. When it raises, the calls
            that waited for the renewal raise an OAuthError from that; the token is saved, and later calls use it.
        clock: Seconds since the epoch.

    Raises:
        ConfigurationError: An argument is wrong; it is named.
    """

    def __init__(
        self,
        app: OAuthApp,
        store: TokenStore,
        user: str,
        *,
        on_change: Callable[[OAuthToken], Awaitable[None] | None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not isinstance(app, OAuthApp):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"app is an OAuthApp, not {type(app).__name__}")
        if not all(callable(getattr(store, name, None)) for name in ("load", "save", "delete", "lock")):
            raise ConfigurationError(f"store is a TokenStore, not {type(store).__name__}")
        check_text("user", user)
        if on_change is not None:
            check_function("on_change", on_change)
        check_function("clock", clock)
        # The rate limiter's, which can be of any type, and the store's.
        self._user = user
        self.origin = app.base_url
        self._app = app
        self._store = store
        self._on_change = on_change
        self._clock = clock
        self._token: OAuthToken | None = None
        self._renew_at = math.inf

    @property
    def user(self) -> str:
        """Their name in the store."""
        return self._user

    def __repr__(self) -> str:
        # A store's own repr may show where its database is, with the password.
        return f"OAuth2({self._app!r}, <{type(self._store).__name__}>, user={self._user!r})"

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign a request."""
        await self.ready()
        assert self._token is not None
        request.headers["Authorization"] = f"Bearer {self._token.access_token}"
        yield request

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Refuse to sign for a synchronous client, which can't wait for a store.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(f"OAuth2 signs for asynchronous clients only, and not {request.method} {request.url}")

    async def ready(self) -> bool:
        """Have a token to sign with: read the store at first, and renew the token shortly before it expires.

        Returns:
            Whether it had to be renewed.

        Raises:
            OAuthError: The token can't be read or renewed.
            ReauthorizationRequired: There is none, or it can't be renewed any more.
        """
        token = self._token
        if token is None:
            with self._explained():
                token = await self._stored()
            self._use(token)
        if self._clock() < self._renew_at:
            return False
        await self._renew_beforehand(token)
        return True

    async def renew(self, rejected: str) -> None:
        """Have another token than the one that the service rejected.

        Raises:
            OAuthError: It can't be renewed now.
            ReauthorizationRequired: It can't be renewed any more.
        """
        if self._token is not None and self._token.access_token != rejected:
            return
        what = (id(self._app), id(self._store), self._user, rejected)
        self._use(await once(what, self._user, lambda asking: self._renew(rejected, asking)))

    async def _renew_beforehand(self, token: OAuthToken) -> None:
        try:
            await self.renew(token.access_token)
        except ReauthorizationRequired:
            raise
        except OAuthError as error:
            assert token.expires_at is not None
            now, end = self._clock(), token.expires_at.timestamp()
            # With a new token in use, it was on_change that failed.
            if now >= end or self._token is not token:
                raise
            # The first of those who waited for this renewal puts it off for all.
            if now >= self._renew_at:
                self._renew_at = (now + end) / 2
                _log.warning("Calls go on with the old token of %r, until it expires. %s", self._user, error)

    async def _renew(self, rejected: str, asking: Callable[[], None]) -> OAuthToken:
        what = (self._user, rejected)
        with self._explained():
            async with self._store.lock(self._user):
                stored = await self._stored()
                if stored.access_token != rejected:
                    _unsaved.pop(what, None)
                    return stored
                asking()
                new = _unsaved.get(what)
                if new is None:
                    try:
                        new = _unsaved[what] = await self._app.refresh(stored)
                    except ReauthorizationRequired:
                        # Whoever refreshed without this lock, or got an answer that we lost, has stored it by now.
                        stored = await self._stored()
                        if stored.access_token == rejected:
                            raise
                        return stored
                await self._save(new)
                _unsaved.pop(what, None)
                _log.info("The token of %r was renewed", self._user)
            self._use(new)
        await self._tell(new)
        return new

    async def _stored(self) -> OAuthToken:
        token = await self._store.load(self._user)
        if token is None:
            raise ReauthorizationRequired(f"The token store holds no token of {self._user!r}. {_SIGN_IN}.")
        return token

    async def _save(self, token: OAuthToken) -> None:
        with _as_oauth_error(
            f"The token of {self._user!r} was renewed, but the store could not save it",
            "It is kept here, and the next call saves it. Mend the store before this process ends, or they have to "
            "sign in again.",
        ):
            await self._store.save(self._user, token)

    async def _tell(self, token: OAuthToken) -> None:
        if self._on_change is None:
            return
        with _as_oauth_error("on_change failed", f"The new token of {self._user!r} is saved, and used from now on."):
            telling = self._on_change(token)
            if inspect.isawaitable(telling):
                await telling

    def _use(self, token: OAuthToken) -> None:
        self._token = token
        self._renew_at = renew_at(token, self._clock())

    def _explained(self) -> AbstractContextManager[None]:
        consequence = f"The token of {self._user!r} can't be had or renewed."
        return _as_oauth_error("The token store failed", consequence, unless=(OAuthError,))


@contextmanager
def _as_oauth_error(
    what: str, consequence: str, *, unless: tuple[type[Exception], ...] = ()
) -> Generator[None, None, None]:
    """Make an OAuthError of what a store or a callback raises, which is not quoted: it may show what was stored."""
    try:
        yield
    except unless:
        raise
    except (Exception, asyncio.CancelledError) as error:
        # Of a library inside that was cancelled: raised as it is, it would cancel the caller.
        if isinstance(error, asyncio.CancelledError) and cancelled_by_caller():
            raise
        raise OAuthError(f"{what} ({type(error).__name__}). {consequence}") from error


def renew_at(token: OAuthToken, now: float) -> float:
    """Return the moment from which on a token is renewed before it is used, in seconds since the epoch.

    Args:
        token: The token.
        now: The moment at which it was got. A token with little time left is used for half of it, and not renewed at
            every request.
    """
    if token.expires_at is None or token.refresh_token is None:
        return math.inf
    end = token.expires_at.timestamp()
    return end - min(_MARGIN, (end - now) / 2)
