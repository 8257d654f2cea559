"""Signs requests with the token that a store keeps for a user, without renewing it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

import httpx

from exist_async._checks import check_text, wrong_type
from exist_async._concurrency import cancelled_by_caller
from exist_async._http.signing import RenewableAuth
from exist_async._secrets import Unpicklable, hides_locals
from exist_async.errors import OAuthError, ReauthorizationRequired
from exist_async.token_stores import OAuthToken, TokenStore


class StoredToken(Unpicklable, RenewableAuth):
    """Signs requests with a user's stored access token as it is. It is read again when it has expired or is rejected.

    Args:
        store: The store that has the user's token.
        user: The user's name in the store, and the key of their hourly budget.
        origin: The origin of the service that issued the token.
        remedy: The advice for a token that would have to be renewed.
        clock: Seconds since the epoch.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self, store: TokenStore, user: str, *, origin: str, remedy: str, clock: Callable[[], float] = time.time
    ) -> None:
        if not callable(getattr(store, "load", None)):
            raise wrong_type("store", "a TokenStore", store)
        check_text("user", user)
        self.origin = origin
        self._store = store
        self._user = user
        self._remedy = remedy
        self._clock = clock
        self._token: OAuthToken | None = None
        self._loading = asyncio.Lock()

    @property
    def user(self) -> str:
        """The user's name in the store."""
        return self._user

    def __repr__(self) -> str:
        # A store's own repr may show the address of its database, with the password.
        return f"StoredToken(<{type(self._store).__name__}>, user={self._user!r})"

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign a request."""
        await self.ready()
        assert self._token is not None
        request.headers["Authorization"] = f"Bearer {self._token.access_token}"
        yield request

    @hides_locals
    async def ready(self) -> bool:
        """Load the token at first, and again when it has expired; it is never renewed."""
        if self._is_usable(self._token):
            return False
        async with self._loading:  # the requests of a write begin together
            if not self._is_usable(self._token):
                token = await self._load()
                if not self._is_usable(token):
                    name = self._user
                    raise ReauthorizationRequired(f"The stored access token of {name!r} has expired. {self._remedy}")
                self._token = token
        return False

    @hides_locals
    async def renew(self, rejected: str) -> None:
        """Use the stored token if it is another one by now than the one that the service rejected."""
        token = await self._load()
        if token.access_token == rejected:
            raise ReauthorizationRequired(f"Exist rejects the stored access token of {self._user!r}. {self._remedy}")
        self._token = token

    async def _load(self) -> OAuthToken:
        try:
            token = await self._store.load(self._user)
        except OAuthError:
            raise
        except (Exception, asyncio.CancelledError) as error:
            # A CancelledError that a library raised would look like a cancellation of the caller.
            if isinstance(error, asyncio.CancelledError) and cancelled_by_caller():
                raise
            # Without its text, which may contain the token.
            name = type(error).__name__
            raise OAuthError(
                f"The token store failed ({name}). The token of {self._user!r} can't be loaded."
            ) from error
        if token is None:
            raise ReauthorizationRequired(
                f"The token store has no token of {self._user!r}. Sign them in (OAuthApp.authorization_url() and "
                "exchange()), and save the token in the store."
            )
        return token

    def _is_usable(self, token: OAuthToken | None) -> bool:
        return token is not None and (token.expires_at is None or self._clock() < token.expires_at.timestamp())
