"""An app that users sign in to Exist with."""

import secrets
import time
from collections.abc import Callable, Iterable
from urllib.parse import quote, urlencode, urlsplit

import attrs
import httpx

from exist_async._checks import check_function, check_text, safe_repr
from exist_async._http.forms import Forms
from exist_async._json import UnreadableError
from exist_async._secrets import Unpicklable, check_token
from exist_async.errors import (
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    NoAnswerError,
    OAuthError,
    ReauthorizationRequired,
)
from exist_async.oauth.callback import code_of
from exist_async.oauth.replies import refusal, token_of
from exist_async.oauth.scopes import Scope
from exist_async.resource import EXIST
from exist_async.token_stores import OAuthToken

_AUTHORIZE = "/oauth2/authorize"
_TOKEN = "/oauth2/access_token"  # noqa: S105  (a path)

_SIGN_IN = "The user has to sign in again: send them to authorization_url(), and store what exchange() returns."


class OAuthApp(Unpicklable):
    """Your app as it is registered with Exist: signs users in, and renews their tokens.

    ```python
    app = OAuthApp(client_id, client_secret, "https://example.com/callback")
    url, state = app.authorization_url([Scope.MOOD_READ, Scope.CUSTOM_WRITE])
    # Send the user's browser to the URL, keep the state with their session, and when they come back:
    token = await app.exchange(callback_url, state=state)
    ```

    Args:
        client_id: The app's client id.
        client_secret: The app's client secret. It appears in no repr, log, error or pickle.
        redirect_uri: Where users come back to, exactly as it is registered.
        base_url: The origin of the service: https, unless it is this machine itself.
        http_client: A client of yours to send with, where a proxy or certificates of your own are needed. It is never
            closed here. By default each token request opens and closes a connection of its own.
        clock: Seconds since the epoch.

    Attributes:
        base_url: The origin of the service.

    Raises:
        ConfigurationError: An argument is wrong; it is named.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        *,
        base_url: str = EXIST,
        http_client: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_token("client_id", client_id)
        check_token("client_secret", client_secret)
        _check_redirect_uri(redirect_uri)
        check_function("clock", clock)
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self.base_url = base_url
        self._forms = Forms(base_url, http_client)
        self._clock = clock

    def __repr__(self) -> str:
        return f"OAuthApp({self._client_id!r}, <hidden>, {self._redirect_uri!r}, base_url={self.base_url!r})"

    def authorization_url(self, scopes: Iterable[Scope | str]) -> tuple[str, str]:
        """Return the URL to send a user's browser to, and the state to keep in their session until they come back.

        Args:
            scopes: What to ask for; the user can only allow all of it or nothing.

        Raises:
            ConfigurationError: The scopes are none, a bare string, or one of them can be no scope.
        """
        asked = _checked(scopes)
        state = secrets.token_urlsafe(32)
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(asked),
            "state": state,
        }
        return f"{self.base_url}{_AUTHORIZE}?{urlencode(query, quote_via=quote)}", state

    async def exchange(self, callback_url_or_code: str, *, state: str | None = None) -> OAuthToken:
        """Trade the code that a user came back with for their token. A code works once, and for some minutes.

        Args:
            callback_url_or_code: The whole URL that the user was sent back to, or its code alone.
            state: The state that `authorization_url` returned. It is compared with that of the URL, so that nobody can
                slip a user the callback of somebody else. That Exist passes it on is not documented: when it is
                missing there, that is an error, and None is the way to compare nothing.

        Raises:
            OAuthError: The user said no, the URL holds no code or not the same state, the service refused the code, or
                no readable answer came. A code that was sent is never sent again: begin again.
            ConfigurationError: It is neither a URL nor a code, or a bare code was given with a state.
        """
        code = code_of(callback_url_or_code, state)
        response = await self._trade(self._form("authorization_code", redirect_uri=self._redirect_uri, code=code))
        if not response.is_success:
            raise refusal(
                response,
                (code, self._client_secret),
                invalid_grant=OAuthError,
                advice="The code was used before, is too old, or is another app's: begin signing in again.",
            )
        try:
            return token_of(response, self._clock())
        except UnreadableError as error:
            raise OAuthError(
                f"The code may have been traded, but the answer can't be read ({error}). Begin signing in again.",
                status_code=response.status_code,
            ) from error

    async def refresh(self, token: OAuthToken) -> OAuthToken:
        """Trade a refresh token for new tokens, and end both old ones. Save the new ones before anything else.

        `OAuth2` does this when it is needed, once for all that share a token store.

        Raises:
            ReauthorizationRequired: The refresh token is there no more, or a success came without an access token that
                can be used.
            OAuthError: The service refused for another reason, could not be reached, or gave no readable answer, twice:
                then the old tokens may have ended.
            ConfigurationError: It is no OAuthToken.
        """
        if not isinstance(token, OAuthToken):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"token is an OAuthToken, not {type(token).__name__}")
        if token.refresh_token is None:
            raise ReauthorizationRequired(f"This token came without a refresh token, and can't be renewed. {_SIGN_IN}")
        response = await self._trade(self._form("refresh_token", refresh_token=token.refresh_token), repeats=1)
        if not response.is_success:
            raise refusal(
                response,
                (token.refresh_token, self._client_secret),
                invalid_grant=ReauthorizationRequired,
                advice=_SIGN_IN,
            )
        try:
            new = token_of(response, self._clock())
        except UnreadableError as error:
            raise ReauthorizationRequired(
                f"The token may have been renewed, but the answer can't be read ({error}). {_SIGN_IN}",
                status_code=response.status_code,
            ) from error
        # What an answer leaves out, or has in a form that is none, stays as it was.
        return attrs.evolve(new, refresh_token=new.refresh_token or token.refresh_token, scope=new.scope or token.scope)

    def _form(self, grant_type: str, **fields: str) -> dict[str, str]:
        return {
            "grant_type": grant_type,
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            **fields,
        }

    async def _trade(self, form: dict[str, str], *, repeats: int = 0) -> httpx.Response:
        try:
            return await self._forms.post(_TOKEN, form, repeats=repeats)
        except (ConnectionFailedError, ClientClosedError, NoAnswerError) as error:
            raise OAuthError(f"Asking for a token failed. {error}") from error


def _checked(scopes: Iterable[Scope | str]) -> list[str]:
    if isinstance(scopes, str) or not isinstance(scopes, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"scopes is a list such as [Scope.MOOD_READ], not a bare {type(scopes).__name__}")
    asked: dict[str, None] = {}
    for scope in scopes:
        check_token(f"scopes: {safe_repr(scope)}", scope)
        asked[scope] = None
    if not asked:
        raise ConfigurationError("scopes is empty: ask for one at least")
    return list(asked)


def _check_redirect_uri(uri: str) -> None:
    check_text("redirect_uri", uri)
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise ConfigurationError(f"redirect_uri is no valid URL: {error}") from None
    if not parts.scheme or " " in uri or "#" in uri:
        raise ConfigurationError(
            "redirect_uri is the absolute URL that is registered with the app, such as 'https://example.com/callback', "
            f"without a fragment, not {uri!r}"
        )
    if not uri.isascii():
        raise ConfigurationError(
            f"redirect_uri {uri!r} holds a character that is not ASCII: register it as browsers send it, with 'xn--' "
            "for such a host and percent signs for the rest"
        )
