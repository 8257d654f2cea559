"""Signs requests with a user's OAuth2 token, and renews it when it expires or is rejected."""

import asyncio
import inspect
import logging
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

import httpx
from attrs import frozen

from exist_async._checks import check_function, check_text, wrong_type
from exist_async._concurrency import cancelled_by_caller
from exist_async._http.signing import RenewableAuth
from exist_async._secrets import Unpicklable, hides_locals
from exist_async.auth.renewals import Turn, lock_in_turn, single_flight
from exist_async.errors import ConfigurationError, OAuthError, ReauthorizationRequired
from exist_async.oauth import OAuthApp
from exist_async.token_stores import OAuthToken, TokenStore

# Seconds before its expiry from which a token is renewed, so that it does not expire while a request is in flight.
_MARGIN = 300.0

# Seconds between looks into the store after the service refused tokens, which another process may just have renewed.
_LOOKS = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 4.0)

# Seconds between attempts to save a new token, for example while the store's server restarts. The pauses are shorter
# than all of `_LOOKS`, so that another process that was refused meanwhile finds the token.
_SAVES = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0)

_log = logging.getLogger("exist_async")


@frozen(repr=False)
class _Unsaved:
    store: TokenStore
    token: OAuthToken


# New tokens that a store failed to save, by user and previous access token: without them, the user would have to sign
# in again. All OAuth2 objects of this process share them, as there may be one for each request.
_unsaved: dict[tuple[str, str], _Unsaved] = {}


class OAuth2(Unpicklable, RenewableAuth):
    """Signs requests with the token that a store keeps for a user, and renews it when it expires or is rejected.

    A renewal invalidates both old tokens. So calls, clients and processes that share the store renew a token only once,
    and the others wait. The service is asked only if the store can save (see `TokenStore`). The new token is saved
    before it is used, and cancelling a caller does not cancel the renewal. `ExistClient.aclose()` waits until it is
    saved, and ends a renewal without callers that has not asked yet, so that a timeout or Ctrl-C inside `async with
    ExistClient(…)` loses no token. If saving fails all the same, it is tried again for 15 seconds; then the new token
    is kept in memory, and the next call saves it. If the process is killed between the service's answer and the save,
    or an event loop ends without `aclose()`, the new token is lost, and the next call raises ReauthorizationRequired.

    Over the connections of one client, at most 25 renewals are in progress at once on an event loop, and at most half
    as many as it may open connections. The others wait without a lock or a connection, so that the calls of other users
    go on when thousands of tokens expire at once. If the service answers none of them in a row, those that waited fail,
    too.

    If the token can't be loaded or renewed, calls raise OAuthError, and its subclass ReauthorizationRequired if the
    user has to sign in again; nothing was carried out then. If a renewal shortly before expiry fails, that is logged,
    calls use the old token, and the renewal is tried again after half of the time that is left.

    Args:
        app: The app that the user signed in with.
        store: The store that has the user's token.
        user: The user's name in the store, and the key of their hourly budget.
        on_change: Called with each new token after it was saved, by the object that renewed it; may be async. Objects
            and processes that find the token renewed by another do not call theirs. If it raises an error, the calls
            that waited for the renewal raise an OAuthError from it; the token is saved, and later calls use it.
        clock: Seconds since the epoch.

    Raises:
        ConfigurationError: An argument is wrong.
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
        """Raise a ConfigurationError: a synchronous client can't await a store."""
        raise ConfigurationError(f"OAuth2 signs requests of async clients only, not {request.method} {request.url}")

    @hides_locals
    async def ready(self) -> bool:
        """Load the token at first, renew it shortly before it expires, and return whether it had to be renewed."""
        token = self._token
        if token is None:
            with self._explain_store_errors():
                token = await self._store.load(self._user)
            if token is None:
                token_key = self._find_unsaved(None)
                if token_key is None:
                    raise self._nothing_stored()
                await self.renew(token_key[1])
                return True
            self._use(token)
        if self._clock() < self._renew_at:
            return False
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
            # Only the first of the callers that waited for this renewal postpones the next one.
            if now >= self._renew_at:
                self._renew_at = (now + end) / 2
                _log.warning("Calls use the old token of %r until it expires. %s", self._user, error)
        return True

    @hides_locals
    async def renew(self, rejected: str) -> None:
        """Get another token than the one that the service rejected."""
        if self._token is not None and self._token.access_token != rejected:
            return
        token_key = (id(self._app), id(self._store), self._user, rejected)
        self._use(await single_flight(token_key, self._user, lambda has_asked: self._renew(rejected, has_asked)))

    async def _renew(self, rejected: str, has_asked: asyncio.Event) -> OAuthToken:
        try:
            return await self._renew_in_turn(rejected, has_asked)
        except ReauthorizationRequired as error:
            has_asked.clear()
            # Without the lock and the turn: looking takes some seconds.
            with self._explain_store_errors():
                renewed = await self._renewed_by_another(rejected, error)
            if renewed is None:
                raise
            return renewed

    async def _renew_in_turn(self, rejected: str, has_asked: asyncio.Event) -> OAuthToken:
        with self._explain_store_errors():
            async with lock_in_turn(self._store, self._user) as turn:
                stored = await self._store.load(self._user)
                token_key = self._find_unsaved(stored, rejected)
                if token_key is None:
                    token_key = (self._user, rejected)
                    _unsaved.pop(token_key, None)
                    if stored is None:
                        raise self._nothing_stored()
                    if stored.access_token != rejected:
                        return stored
                    await self._check_can_save()
                    has_asked.set()
                    with turn.watch():
                        new = await self._app.refresh(stored)
                    _unsaved[token_key] = _Unsaved(self._store, new)
                    pauses: tuple[float, ...] = _SAVES
                else:
                    has_asked.set()
                    new = _unsaved[token_key].token
                    pauses = ()
                with _as_oauth_error(
                    f"The token of {self._user!r} was renewed, but the store could not save it",
                    "It is kept in memory, and the next call saves it. Repair the store before this process ends, or "
                    "they have to sign in again.",
                ):
                    await self._save(new, pauses, turn)
                _unsaved.pop(token_key, None)
                _log.info("The token of %r was renewed", self._user)
            self._use(new)
        if self._on_change is not None:
            consequence = f"The new token of {self._user!r} is saved, and used from now on."
            with _as_oauth_error("on_change failed", consequence):
                returned = self._on_change(new)
                if inspect.isawaitable(returned):
                    await returned
        return new

    async def _save(self, token: OAuthToken, pauses: Sequence[float], turn: Turn) -> None:
        """Save a new token; if that fails, try again after each pause, as the old ones are not valid any more."""
        for pause in pauses:
            with suppress(Exception):
                return await self._store.save(self._user, token)
            turn.make_way()
            await self._app.sleep(pause)
        return await self._store.save(self._user, token)

    async def _check_can_save(self) -> None:
        """Raise an OAuthError if the store reports that it can't save, while the old tokens are still valid."""
        check = getattr(self._store, "check_can_save", None)
        if check is None:
            return
        try:
            await check(self._user)
        except OAuthError as error:
            raise OAuthError(
                f"The token of {self._user!r} was not renewed, because a new one could not be saved. {error}"
            ) from error

    async def _renewed_by_another(self, rejected: str, error: OAuthError) -> OAuthToken | None:
        """Return the token that another process saved after it lost its lock, or received the lost answer."""
        may_be_saving = error.code == "invalid_grant" and getattr(self._store, "lock_can_be_lost", True)
        for pause in (0.0, *_LOOKS) if may_be_saving else (0.0,):
            if pause:
                await self._app.sleep(pause)
            stored = await self._store.load(self._user)
            if stored is not None and stored.access_token != rejected:
                return stored
        return None

    def _find_unsaved(self, stored: OAuthToken | None, rejected: str | None = None) -> tuple[str, str] | None:
        """Return the key of a token that could not be saved, unless the stored one is newer.

        The store may also have come back empty, or with a token that is older than the one that was renewed.
        """
        for (user, previous), unsaved in reversed(list(_unsaved.items())):
            # Another store may have another person under the same name.
            if user != self._user or (previous != rejected and unsaved.store is not self._store):
                continue
            if stored is None or stored.access_token == previous or _is_older(stored, unsaved.token):
                return user, previous
        return None

    def _nothing_stored(self) -> ReauthorizationRequired:
        return ReauthorizationRequired(
            f"The token store has no token of {self._user!r}. Sign them in (OAuthApp.authorization_url() and "
            "exchange()), and save the token in the store."
        )

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
    """Raise an OAuthError from the error of a store or a callback, without its text, which may contain the token."""
    try:
        yield
    except unless:
        raise
    except (Exception, asyncio.CancelledError) as error:
        # A CancelledError that a library raised would look like a cancellation of the caller.
        if isinstance(error, asyncio.CancelledError) and cancelled_by_caller():
            raise
        raise OAuthError(f"{event} ({type(error).__name__}). {consequence}") from error


def _is_older(token: OAuthToken, other: OAuthToken) -> bool:
    """Whether a token was certainly issued before another one: Exist's are all valid for the same time."""
    return token.expires_at is not None and other.expires_at is not None and token.expires_at < other.expires_at


def renew_at(token: OAuthToken, now: float) -> float:
    """Return the time from which on a token is renewed before it is used, in seconds since the epoch.

    A token with little time left when it was loaded or issued (`now`) is used for half of it, not renewed every time.
    """
    if token.expires_at is None or token.refresh_token is None:
        return math.inf
    end = token.expires_at.timestamp()
    return end - min(_MARGIN, (end - now) / 2)
