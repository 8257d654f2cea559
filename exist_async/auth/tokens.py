"""Signs requests with a simple token, and gets one for a name and password."""

from typing import Self

import httpx
from attrs import frozen

from exist_async._checks import check_text
from exist_async._http.forms import FormClient
from exist_async._http.signing import TokenAuth
from exist_async._json import UnreadableError, decode
from exist_async.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    NoAnswerError,
    StatusError,
)
from exist_async.resource import EXIST, ROOT

_LOGIN = f"{ROOT}auth/simple-token/"


@frozen
class _LoginReply:
    token: str


class SimpleToken(TokenAuth):
    """Signs requests with a simple token, which can read everything and write nothing."""

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
            http_client: An HTTP client of yours to use; it is never closed here.

        Raises:
            AuthenticationError: Exist refused the name and password. It does so with a 400 (`status_code`).
            RateLimitError: Exist accepts no logins for now.
            ServerError: Exist failed.
            ConnectionFailedError: Nothing was sent.
            NoAnswerError: No readable answer came. Doing it again is harmless.
            ConfigurationError: An argument is wrong.
        """
        check_text("username", username)
        # Half a surrogate pair could not be sent, and Python's error would quote the password.
        if not isinstance(password, str) or not password or any("\ud800" <= letter <= "\udfff" for letter in password):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("password must be a string of text, and not empty")
        form = {"username": username, "password": password}
        try:
            answer = await FormClient(base_url, http_client).post(_LOGIN, form, secrets=(password,))
        except BadRequestError as error:
            raise _as_authentication_error(error) from None
        except NoAnswerError as error:
            if isinstance(error.__cause__, StatusError):
                # Logging in changes nothing, so the service's failure is all that matters.
                raise error.__cause__ from None
            raise
        try:
            return cls(decode(answer, _LoginReply).token)
        except (UnreadableError, ConfigurationError) as error:
            reason = str(error)
        # Outside of the handler: the error behind that one can contain the whole answer, and so the token.
        raise NoAnswerError(f"POST {_LOGIN}: the answer can't be read: {reason}")


def _as_authentication_error(error: BadRequestError) -> AuthenticationError:
    return AuthenticationError(
        f"{error} Check the user name and the password.",
        status_code=error.status_code,
        method=error.method,
        path=error.path,
        detail=error.detail,
        code=error.code,
    )
