"""Signs requests with a user's OAuth2 token, and renews it when it expires or is rejected."""

import asyncio
import inspect
import logging
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager

import httpx

from exist_async._checks import check_function, check_text, wrong_type
from exist_async._concurrency import cancelled_by_caller
from exist_async._http.signing import RenewableAuth
from exist_async._secrets import Unpicklable
from exist_async.auth.renewals import single_flight
from exist_async.errors import ConfigurationError, OAuthError, ReauthorizationRequired
from exist_async.oauth import OAuthApp
from exist_async.token_stores import OAuthToken, TokenStore

_MARGIN = 300.0
"""Seconds before its expiry that a token is renewed in, so that it does not expire while a request is in flight."""

_log = logging.getLogger("exist_async")

# New tokens that a store failed to save, by user and previous access token: without them, the user would have to sign
# in again. All OAuth2 objects of this process share them, as there may be one for each request.
_unsaved: dict[tuple[str, str], OAuthToken] = {}

_SIGN_IN = "Sign them in (OAuthApp.authorization_url() and exchange()), and save the token in the store"


class OAuth2(Unpicklable, RenewableAuth):
    """Signs requests with the token that a store keeps for a user, and renews it when it expires or is rejected.

    A renewal invalidates both old tokens. So there is only one, however many calls, clients and processes find the
    token expired: all that share the store wait for it and use the new token. The token is saved before it is used, and
    cancelling a caller does not cancel the renewal. `ExistClient.aclose()` waits until it is saved, so that a timeout
    or Ctrl-C inside `async with ExistClient(…)` loses no token. If the process is killed between the service's answer
    and the save, or an event loop ends without `aclose()`, the new token is lost, and the next call raises
    ReauthorizationRequired.

    Calls raise OAuthError if the token can't be loaded or renewed, and its subclass ReauthorizationRequired if the user
    has to sign in again. The call was not carried out then. If a renewal shortly before expiry fails, that is logged,
    calls go on with the old token, and the next attempt comes after half of the time that is left.

    Args:
        app: The app that the user signed in with.
        store: The store of their token.
        user: Their name in the store. It is also the key of their hourly budget.
        on_change: Called once with each new token after it was saved, by the object that renewed it; may be async.
            Objects and processes that find the token renewed by another do not call theirs. If it raises an error, the
            calls that waited for the renewal raise an OAuthError from it; the token is saved, and later calls use it.
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
            raise wrong_type("app", "an OAuthApp", app)
        if not all(callable(getattr(store, name, None)) for name in ("load", "save", "delete", "lock")):
            raise wrong_type("store", "a TokenStore", store)
        check_text("user", user)
        if on_change is not None:
            check_function("on_change", on_change)
        check_function("clock", clock)
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
        """The user's name in the store."""
        return self._user

    def __repr__(self) -> str:
        # A store's own repr may show the address of its database, with the password.
        return f"OAuth2({self._app!r}, <{type(self._store).__name__}>, user={self._user!r})"

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign a request."""
        await self.ready()
        assert self._token is not None
        request.headers["Authorization"] = f"Bearer {self._token.access_token}"
        yield request

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Refuse to sign for a synchronous client, which can't await a store.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(f"OAuth2 signs requests of async clients only, not {request.method} {request.url}")

    async def ready(self) -> bool:
        """Make sure that there is a valid token: load it at first, and renew it shortly before it expires.

        Returns:
            Whether it had to be renewed.

        Raises:
            OAuthError: The token can't be loaded or renewed.
            ReauthorizationRequired: There is no token, or it can't be renewed any more.
        """
        token = self._token
        if token is None:
            with self._explain_store_errors():
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
        self._use(await single_flight(what, self._user, lambda mark_asked: self._renew(rejected, mark_asked)))

    async def _renew_beforehand(self, token: OAuthToken) -> None:
        try:
            await self.renew(token.access_token)
        except ReauthorizationRequired:
            raise
        except OAuthError as error:
            assert token.expires_at is not None
            now, end = self._clock(), token.expires_at.timestamp()
            # If a new token is in use, on_change failed.
            if now >= end or self._token is not token:
                raise
            # The first of the callers that waited for this renewal postpones the next one for all.
            if now >= self._renew_at:
                self._renew_at = (now + end) / 2
                _log.warning("Calls use the old token of %r until it expires. %s", self._user, error)

    async def _renew(self, rejected: str, mark_asked: Callable[[], None]) -> OAuthToken:
        what = (self._user, rejected)
        with self._explain_store_errors():
            async with self._store.lock(self._user):
                stored = await self._stored()
                if stored.access_token != rejected:
                    _unsaved.pop(what, None)
                    return stored
                mark_asked()
                new = _unsaved.get(what)
                if new is None:
                    try:
                        new = _unsaved[what] = await self._app.refresh(stored)
                    except ReauthorizationRequired:
                        # A process that refreshed without this lock, or got the answer that was lost, has saved it.
                        stored = await self._stored()
                        if stored.access_token == rejected:
                            raise
                        return stored
                await self._save(new)
                _unsaved.pop(what, None)
                _log.info("The token of %r was renewed", self._user)
            self._use(new)
        await self._call_on_change(new)
        return new

    async def _stored(self) -> OAuthToken:
        token = await self._store.load(self._user)
        if token is None:
            raise ReauthorizationRequired(f"The token store has no token of {self._user!r}. {_SIGN_IN}.")
        return token

    async def _save(self, token: OAuthToken) -> None:
        with _as_oauth_error(
            f"The token of {self._user!r} was renewed, but the store could not save it",
            "It is kept in memory, and the next call saves it. Repair the store before this process ends, or they "
            "have to sign in again.",
        ):
            await self._store.save(self._user, token)

    async def _call_on_change(self, token: OAuthToken) -> None:
        if self._on_change is None:
            return
        with _as_oauth_error("on_change failed", f"The new token of {self._user!r} is saved, and used from now on."):
            returned = self._on_change(token)
            if inspect.isawaitable(returned):
                await returned

    def _use(self, token: OAuthToken) -> None:
        self._token = token
        self._renew_at = renew_at(token, self._clock())

    def _explain_store_errors(self) -> AbstractContextManager[None]:
        consequence = f"The token of {self._user!r} can't be loaded or renewed."
        return _as_oauth_error("The token store failed", consequence, unless=(OAuthError,))


@contextmanager
def _as_oauth_error(
    event: str, consequence: str, *, unless: tuple[type[Exception], ...] = ()
) -> Generator[None, None, None]:
    """Raise an OAuthError for the error of a store or a callback. It is not quoted: it may contain the token."""
    try:
        yield
    except unless:
        raise
    except (Exception, asyncio.CancelledError) as error:
        # The CancelledError of a library inside would cancel the caller if it were raised as it is.
        if isinstance(error, asyncio.CancelledError) and cancelled_by_caller():
            raise
        raise OAuthError(f"{event} ({type(error).__name__}). {consequence}") from error


def renew_at(token: OAuthToken, now: float) -> float:
    """Return the time from which on a token is renewed before it is used, in seconds since the epoch.

    Args:
        token: The token.
        now: The time when it was loaded or issued. A token with little time left is used for half of it, and not
            renewed for every request.
    """
    if token.expires_at is None or token.refresh_token is None:
        return math.inf
    end = token.expires_at.timestamp()
    return end - min(_MARGIN, (end - now) / 2)
