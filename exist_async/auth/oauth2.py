"""Signs requests for a user who signed in, and keeps them signed in."""

import inspect
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import contextmanager

import httpx

from exist_async._http import checks
from exist_async._http.secret import Unpicklable
from exist_async._http.session import RenewableAuth
from exist_async.auth.renewals import once
from exist_async.errors import ConfigurationError, OAuthError, ReauthorizationRequired
from exist_async.oauth import OAuthApp
from exist_async.token_stores import OAuthToken, TokenStore

_MARGIN = 300.0
"""Seconds before its end in which a token is renewed, so that no request meets the end on its way."""

_SIGN_IN = "Let them sign in (OAuthApp.authorization_url() and exchange()), and save the token in the store"


class OAuth2(Unpicklable, RenewableAuth):
    """Signs requests with the token that a store keeps for a user, and renews it when it expires or is rejected.

    A renewal ends both old tokens. So there is only one, however many calls, clients and processes find the token
    expired: those that share the store wait for it and use the new token. It is saved before it is used, and a caller
    who is cancelled meanwhile ends nothing. Should the process die between the service's answer and the saving, the new
    token is lost, and the next call raises ReauthorizationRequired. The same holds where an event loop ends meanwhile.

    Calls raise OAuthError when the token can't be had or renewed, and ReauthorizationRequired, which is one, when the
    user has to sign in again. They were not carried out then.

    Args:
        app: The app that the user signed in with.
        store: Where their token is.
        user: Their name in the store. It also names their hourly budget.
        on_change: Called with the new token after it was saved; may be asynchronous. When it raises, the calls that
            waited for the renewal raise an OAuthError from that; the token is saved, and later calls use it.
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
        checks.text("user", user)
        # The rate limiter's, which can be of any type, and the store's.
        self.user = self._user = user
        self._app = app
        self._store = store
        self._on_change = on_change
        self._clock = clock
        self._token: OAuthToken | None = None
        self._renew_at = math.inf
        # What a store that failed did not take. Without it, the user would have to sign in again.
        self._unsaved: OAuthToken | None = None

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

    async def ready(self) -> None:
        """Have a token to sign with: read the store at first, and renew the token shortly before it expires.

        Raises:
            OAuthError: The token can't be read or renewed.
            ReauthorizationRequired: There is none, or it can't be renewed any more.
        """
        token = self._token
        if token is None:
            with self._explained():
                token = await self._stored()
            self._use(token)
        if self._clock() >= self._renew_at:
            await self.renew(token.access_token)

    async def renew(self, rejected: str) -> None:
        """Have another token than the one that the service rejected.

        Raises:
            OAuthError: It can't be renewed now.
            ReauthorizationRequired: It can't be renewed any more.
        """
        if self._token is not None and self._token.access_token != rejected:
            return
        what = (id(self._app), id(self._store), self._user, rejected)
        self._use(await once(what, self._user, lambda: self._renew(rejected)))

    async def _renew(self, rejected: str) -> OAuthToken:
        with self._explained():
            async with self._store.lock(self._user):
                stored = await self._stored()
                if stored.access_token != rejected:
                    self._unsaved = None
                    return stored
                if self._unsaved is None:
                    try:
                        self._unsaved = await self._app.refresh(stored)
                    except ReauthorizationRequired:
                        # Whoever refreshed without this lock, or got an answer that we lost, has stored it by now.
                        stored = await self._stored()
                        if stored.access_token == rejected:
                            raise
                        return stored
                new = self._unsaved
                await self._save(new)
                self._unsaved = None
            self._use(new)
        await self._tell(new)
        return new

    async def _stored(self) -> OAuthToken:
        token = await self._store.load(self._user)
        if token is None:
            raise ReauthorizationRequired(f"The token store holds no token of {self._user!r}. {_SIGN_IN}.")
        return token

    async def _save(self, token: OAuthToken) -> None:
        try:
            await self._store.save(self._user, token)
        except Exception as error:
            raise OAuthError(
                f"The token of {self._user!r} was renewed, but the store could not save it ({type(error).__name__}). "
                "It is kept here, and the next call saves it. Mend the store before this process ends, or they have to "
                "sign in again."
            ) from error

    async def _tell(self, token: OAuthToken) -> None:
        if self._on_change is None:
            return
        try:
            telling = self._on_change(token)
            if inspect.isawaitable(telling):
                await telling
        except Exception as error:
            raise OAuthError(
                f"on_change raised {type(error).__name__}. The new token of {self._user!r} is saved, and used from now "
                "on."
            ) from error

    def _use(self, token: OAuthToken) -> None:
        self._token = token
        self._renew_at = renew_at(token, self._clock())

    @contextmanager
    def _explained(self) -> Generator[None, None, None]:
        """Make an OAuthError of a store's own error, which is not quoted: it may show what was stored."""
        try:
            yield
        except OAuthError:
            raise
        except Exception as error:
            raise OAuthError(
                f"The token store failed ({type(error).__name__}): the token of {self._user!r} can't be had or renewed."
            ) from error


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
