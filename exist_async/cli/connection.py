"""The client of a command, with the credentials from EXIST_TOKEN or from the stored login."""

import hashlib
import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager

import httpx
from attrs import frozen

from exist_async._checks import environment_value
from exist_async.auth import BearerToken, SimpleToken
from exist_async.auth.oauth2 import OAuth2
from exist_async.cli.budget import EXIST_BUDGET, Budget
from exist_async.cli.oauth_app import app_from_environment
from exist_async.cli.rate_limit_wait import CommandLimiter, current_limiter, max_wait_for
from exist_async.cli.stored_login import StoredLogin, credentials_page, login_command, normalized_origin
from exist_async.client import ExistClient
from exist_async.errors import (
    AuthenticationError,
    BatchError,
    ConfigurationError,
    ExistAsyncError,
    RateLimitError,
    ReauthorizationRequired,
)
from exist_async.resource import origin_from
from exist_async.token_stores import OAuthToken


@frozen
class Credentials:
    """Credentials for a service, and where they come from.

    Attributes:
        auth: Signs the requests.
        source: Where they come from, for the output of `whoami`.
        remedy: Advice for the user if the service refuses them.
        account: Key of the account in what commands keep between runs; the same when its token is renewed. Not secret.
        stored: Token of the stored login; None if EXIST_TOKEN is used.
    """

    auth: httpx.Auth
    source: str
    remedy: str
    account: str
    stored: OAuthToken | None = None


@asynccontextmanager
async def connect(
    base_url: str, *, wait: bool | None = None, budget: Budget = EXIST_BUDGET, has_file: bool = False
) -> AsyncGenerator[ExistClient, None]:
    """Open a client with the credentials of the user, which counts its requests over all runs.

    Args:
        base_url: Origin of the service.
        wait: Value of the option --wait.
        budget: Requests that the account is allowed.
        has_file: Whether the work is a file, for which the command waits also without a terminal.

    Raises:
        ConfigurationError: There are no credentials, or `base_url` is invalid.
        ReauthorizationRequired: The service refused the token during the block. The message contains the remedy.
        OAuthError: The stored token can't be read or renewed.
    """
    credentials = await find_credentials(base_url)
    max_wait = max_wait_for(wait, waits_by_default=has_file or sys.stderr.isatty())
    limiter = CommandLimiter(budget, credentials.account, notices=max_wait is None)
    current_limiter.set(limiter)
    async with ExistClient(
        credentials.auth, base_url=base_url, max_wait=max_wait, rate_limiter=limiter, on_event=limiter.on_event
    ) as exist:
        try:
            yield exist
        except ReauthorizationRequired as error:
            # The original message addresses programmers.
            raise ReauthorizationRequired(f"The stored token can't be renewed. {credentials.remedy}") from error
        except ExistAsyncError as error:
            if max_wait is not None and _any_is(RateLimitError, error):
                error.add_note("To wait until more requests are allowed, add --wait.")
            if not _any_is((AuthenticationError, ReauthorizationRequired), error):
                raise
            raise ReauthorizationRequired(f"{error} {credentials.remedy}") from error


async def find_credentials(base_url: str) -> Credentials:
    """Return the credentials for a service. EXIST_TOKEN takes precedence over the stored login.

    Raises:
        ConfigurationError: There are no credentials, or they are invalid.
        OAuthError: The file with the stored token can't be read.
    """
    token = environment_value("EXIST_TOKEN")
    if token:
        return _environment_credentials(token, base_url)
    login = StoredLogin.for_service(base_url)
    stored = await login.load()
    sign_in_again = login_command(login.origin)
    if stored is None:
        raise ConfigurationError(
            f"You are not signed in at {login.origin}. Copy the access token from {credentials_page(base_url)} and "
            f"export EXIST_TOKEN=your-access-token, or run: {sign_in_again}"
        )
    app = app_from_environment(base_url)
    source = f"the token in {login.path}"
    if app is None:
        return Credentials(
            BearerToken(stored.access_token),
            source,
            f"Set EXIST_CLIENT_ID and EXIST_CLIENT_SECRET to have it renewed, or sign in again: {sign_in_again}",
            login.origin,
            stored,
        )
    return Credentials(
        OAuth2(app, login.store, login.origin),
        f"{source}, renewed with EXIST_CLIENT_ID and EXIST_CLIENT_SECRET",
        f"Sign in again: {sign_in_again}",
        login.origin,
        stored,
    )


class _EitherToken(httpx.Auth):
    """Signs requests with a token of a kind that is not known: as a personal one, and after a 401 as a simple one.

    Args:
        token: The token.

    Raises:
        ConfigurationError: It can't be a token.
    """

    def __init__(self, token: str) -> None:
        self._kinds: Sequence[BearerToken | SimpleToken] = (BearerToken(token), SimpleToken(token))

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign a request, and sign it otherwise if the service does not accept the token."""
        for kind in self._kinds:
            response = yield next(kind.auth_flow(request))
            if response.is_success:
                self._kinds = (kind,)
            if response.status_code != 401:
                return


def _split_kind(token: str) -> tuple[type[BearerToken | SimpleToken | _EitherToken], str]:
    """Return the kind of a token, which may precede it as in a header (`Bearer` or `Token`), and the token alone."""
    kind, _, rest = token.partition(" ")
    match kind.lower():
        case "bearer":
            return BearerToken, rest.strip()
        case "token":
            return SimpleToken, rest.strip()
        case _:
            return _EitherToken, token


def _environment_credentials(value: str, base_url: str) -> Credentials:
    make_auth, token = _split_kind(value)
    try:
        auth = make_auth(token)
    except ConfigurationError as error:
        raise ConfigurationError(f"EXIST_TOKEN: {error}") from None
    return Credentials(
        auth,
        "EXIST_TOKEN",
        f"The token comes from EXIST_TOKEN: copy it again from {credentials_page(base_url)}, or unset EXIST_TOKEN and "
        f"run: {login_command(base_url)}",
        f"{normalized_origin(origin_from(base_url))} {hashlib.sha256(token.encode()).hexdigest()}",
    )


def _any_is(kinds: type[Exception] | tuple[type[Exception], ...], error: Exception) -> bool:
    """Whether an error, or one of those of a batch, is of certain kinds."""
    return isinstance(error, kinds) or (
        isinstance(error, BatchError) and any(_any_is(kinds, each) for each in error.errors)
    )
