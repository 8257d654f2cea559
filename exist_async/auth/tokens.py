"""Signs requests with a token that stays the same."""

import hashlib
import os
import time
from collections.abc import Generator
from functools import cached_property
from typing import Self

import httpx
from attrs import frozen

from exist_async._checks import check_text
from exist_async._http.forms import Forms, said
from exist_async._http.responses import retry_after
from exist_async._http.signing import IdentifiedAuth
from exist_async._json import UnreadableError, decode
from exist_async._secrets import Unpicklable, check_token
from exist_async.errors import (
    AuthenticationError,
    ConfigurationError,
    NoAnswerError,
    RateLimitError,
    ServerError,
    StatusError,
)
from exist_async.resource import EXIST, ROOT

_LOGIN = f"{ROOT}auth/simple-token/"


class TokenAuth(Unpicklable, IdentifiedAuth):
    """Signs requests with a token that stays the same; a hash of it stands for the user.

    Args:
        token: The token. It appears in no repr, log, error or pickle.

    Raises:
        ConfigurationError: It is empty, or holds spaces or characters that no header can carry.
    """

    _scheme = "Bearer"

    def __init__(self, token: str) -> None:
        check_token("the token", token)
        self._header = f"{self._scheme} {token}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<hidden>)"

    @cached_property
    def user(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]  (it is one, kept once it is asked for)
        """A hash of the token."""
        return hashlib.sha256(self._header.encode()).hexdigest()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign a request."""
        request.headers["Authorization"] = self._header
        yield request


class BearerToken(TokenAuth):
    """Signs requests with an OAuth2 access token, your own personal one or a user's."""


@frozen
class _LoginReply:
    token: str


class SimpleToken(TokenAuth):
    """Signs requests with a simple token, with which everything can be read and nothing written."""

    _scheme = "Token"

    @classmethod
    async def login(
        cls, username: str, password: str, *, base_url: str = EXIST, http_client: httpx.AsyncClient | None = None
    ) -> Self:
        """Get a user's simple token for their name and password, neither of which is kept.

        Args:
            username: Their name on Exist.
            password: Their password. It appears in no log and no error.
            base_url: The origin of the service: https, unless it is this machine itself.
            http_client: A client of yours to send with; it is never closed here.

        Raises:
            AuthenticationError: Exist refused the name and password. It does so with a 400 (`status_code`).
            RateLimitError: Exist lets nobody in for now.
            ServerError: Exist failed.
            ConnectionFailedError: Nothing was sent.
            NoAnswerError: No readable answer came. Doing it again is harmless.
            ConfigurationError: An argument is wrong.
        """
        check_text("username", username)
        # Half a surrogate pair could not be sent, and Python's error would carry the password.
        if not isinstance(password, str) or not password or any("\ud800" <= letter <= "\udfff" for letter in password):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("password is a string of text, and not empty")
        response = await Forms(base_url, http_client).post(_LOGIN, {"username": username, "password": password})
        if not response.is_success:
            raise _refusal(response, password)
        try:
            return cls(decode(response.content, _LoginReply).token)
        except (UnreadableError, ConfigurationError) as error:
            why = str(error)
        # Outside of the handler: the error behind that one can hold the whole answer, and so the token.
        raise NoAnswerError(f"POST {_LOGIN}: the answer {response.status_code} can't be read: {why}")


def auth_from(auth: str | httpx.Auth | None, variable: str) -> httpx.Auth:
    """Make what signs requests of what a caller gave.

    Args:
        auth: An access token, something that signs, or None.
        variable: The environment variable that holds the access token when None was given.

    Raises:
        ConfigurationError: There is no token, or it is no token.
    """
    if isinstance(auth, httpx.Auth):
        return auth
    if auth is None:
        auth = os.environ.get(variable)
        if auth is None:
            raise ConfigurationError(f"auth: give an access token, or set {variable} in the environment")
    elif not isinstance(auth, str):  # pyright: ignore[reportUnnecessaryIsInstance]  (callers without a type checker)
        raise ConfigurationError(f"auth is an access token or an httpx.Auth, not {type(auth).__name__}")
    try:
        return BearerToken(auth)
    except ConfigurationError as error:
        raise ConfigurationError(f"auth: {error}") from None


def _refusal(response: httpx.Response, password: str) -> StatusError | RateLimitError:
    status = response.status_code
    words, code = said(response, (password,))
    what = f"POST {_LOGIN} was answered with {status}{f': {words}' if words else ''}".removesuffix(".")
    if status == 429:
        seconds = retry_after(response.headers.get("retry-after"), time.time())
        return RateLimitError(f"{what}. Try again later.", retry_after=seconds, status_code=status)
    cls, advice = StatusError, "Check base_url."
    if status in (400, 401):
        cls, advice = AuthenticationError, "Check the user name and the password."
    elif status >= 500:
        cls, advice = ServerError, "Exist is failing: try again later."
    return cls(f"{what}. {advice}", status_code=status, method="POST", path=_LOGIN, detail=words, code=code)
