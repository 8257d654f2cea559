"""Signs requests with a simple token, and gets one for a username and password."""

from typing import Self

import httpx
from attrs import frozen

from exist_async._checks import check_text
from exist_async._http.forms import FormClient
from exist_async._http.signing import TokenAuth
from exist_async._json import UnreadableError, decode
from exist_async._secrets import hides_locals
from exist_async.errors import AuthenticationError, BadRequestError, ConfigurationError, NoAnswerError, StatusError
from exist_async.resource import ROOT, origin_from

_LOGIN = f"{ROOT}auth/simple-token/"


@frozen
class _LoginReply:
    token: str


class SimpleToken(TokenAuth):
    """Signs requests with a simple token, which can read everything and write nothing."""

    _scheme = "Token"

    @classmethod
    @hides_locals
    async def login(
        cls, username: str, password: str, *, base_url: str | None = None, http_client: httpx.AsyncClient | None = None
    ) -> Self:
        """Get a user's simple token for their name and password, neither of which is kept. Repeating it is harmless.

        Args:
            username: The user's name on Exist.
            password: The user's password. It appears in no log and no error.
            base_url: The origin of the service, as for `ExistClient`: https, unless it is this machine; None reads
                EXIST_BASE_URL, and else is Exist's own.
            http_client: An HTTP client of your own to use; it is never closed here.

        Raises:
            AuthenticationError: Exist refused the name and password, which it does with a 400 (`status_code`).
            RateLimitError: Exist accepts no logins for now.
            ExistAsyncError: Other errors as listed in `exist_async.errors`, such as ConnectionFailedError.
        """
        check_text("username", username)
        # Half a surrogate pair could not be sent, and Python's error would quote the password.
        if not isinstance(password, str) or not password or any("\ud800" <= letter <= "\udfff" for letter in password):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("password must be a string of text, and not empty")
        answer = await _post_login(FormClient(origin_from(base_url), http_client), username, password)
        try:
            return cls(decode(answer, _LoginReply).token)
        except (UnreadableError, ConfigurationError) as error:
            reason = str(error)
        # Outside the handler: the error of the decoder can contain the whole answer, and so the token.
        raise NoAnswerError(f"POST {_LOGIN}: the answer can't be read: {reason}")


async def _post_login(client: FormClient, username: str, password: str) -> bytes:
    form = {"username": username, "password": password}
    try:
        return await client.post(_LOGIN, form, secrets=(password,))
    except BadRequestError as error:
        # The prefix is the service's name for messages about the form as a whole.
        detail = error.detail and error.detail.removeprefix("non_field_errors: ")
        raise AuthenticationError(
            f"{error} Check the user name and the password.",
            status_code=error.status_code,
            method=error.method,
            path=error.path,
            detail=detail,
            code=error.code,
        ) from None
    except NoAnswerError as error:
        failure = error.__cause__
        if not isinstance(failure, StatusError):
            raise
    # Logging in changes nothing, so only the service's failure matters. Raised inside of the handler, it would get the
    # error that it caused as its context, and the chain of errors would be a circle.
    raise failure
