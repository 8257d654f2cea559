"""An app that users sign in to Exist with, and the scopes that it can ask for."""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from urllib.parse import quote, urlencode, urlsplit

import attrs
import httpx

from exist_async._checks import check_function, check_text, safe_repr, wrong_type
from exist_async._http.forms import FormClient
from exist_async._json import UnreadableError
from exist_async._secrets import Unpicklable, check_token, hides_locals
from exist_async.errors import ConfigurationError, ExistAsyncError, OAuthError, ReauthorizationRequired
from exist_async.oauth.callback import code_of
from exist_async.oauth.token_replies import parse_token, refusal
from exist_async.resource import origin_from
from exist_async.token_stores.token import OAuthToken, check_oauth_token

_SIGN_IN = "The user has to sign in again: send them to authorization_url(), and store the token of exchange()."


class Scope(StrEnum):
    """The permissions that an app can ask for: to read or write the attributes of a group.

    The two manual scopes apply to attributes of every group that the user enters by hand.
    """

    ACTIVITY_READ = "activity_read"
    ACTIVITY_WRITE = "activity_write"
    PRODUCTIVITY_READ = "productivity_read"
    PRODUCTIVITY_WRITE = "productivity_write"
    MOOD_READ = "mood_read"
    MOOD_WRITE = "mood_write"
    SLEEP_READ = "sleep_read"
    SLEEP_WRITE = "sleep_write"
    WORKOUTS_READ = "workouts_read"
    WORKOUTS_WRITE = "workouts_write"
    EVENTS_READ = "events_read"
    EVENTS_WRITE = "events_write"
    FINANCE_READ = "finance_read"
    FINANCE_WRITE = "finance_write"
    FOOD_READ = "food_read"
    FOOD_WRITE = "food_write"
    HEALTH_READ = "health_read"
    HEALTH_WRITE = "health_write"
    LOCATION_READ = "location_read"
    LOCATION_WRITE = "location_write"
    MEDIA_READ = "media_read"
    MEDIA_WRITE = "media_write"
    SOCIAL_READ = "social_read"
    SOCIAL_WRITE = "social_write"
    WEATHER_READ = "weather_read"
    WEATHER_WRITE = "weather_write"
    SYMPTOMS_READ = "symptoms_read"
    SYMPTOMS_WRITE = "symptoms_write"
    MEDICATION_READ = "medication_read"
    MEDICATION_WRITE = "medication_write"
    CUSTOM_READ = "custom_read"
    CUSTOM_WRITE = "custom_write"
    MANUAL_READ = "manual_read"
    MANUAL_WRITE = "manual_write"


@hides_locals
class OAuthApp(Unpicklable):
    """Your app, as it is registered with Exist: signs users in and refreshes their tokens.

    Send a user's browser to the URL of `authorization_url()`, and pass the URL that they come back to to `exchange()`.

    Args:
        client_id: The app's client id.
        client_secret: The app's client secret. It appears in no repr, log, error or pickle.
        redirect_uri: The URL that users come back to, exactly as it is registered.
        base_url: The origin of the service, as for `ExistClient`: https, unless it is this machine; None reads
            EXIST_BASE_URL, and else is Exist's own. Also an attribute.
        http_client: Your own HTTP client, for a proxy or certificates. It is never closed here. By default, the tokens
            of a client's calls are renewed over the connections of that client. Other token requests open connections,
            at most 100 at once, and close them.
        clock: Seconds since the epoch.
        sleep: Waits for a number of seconds. Also an attribute.
        fraction: Returns random numbers from 0 to 1.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        *,
        base_url: str | None = None,
        http_client: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        check_token("client_id", client_id)
        check_token("client_secret", client_secret)
        _check_redirect_uri(redirect_uri)
        check_function("clock", clock)
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self.base_url = origin_from(base_url)
        self._forms = FormClient(self.base_url, http_client, sleep=sleep, fraction=fraction)
        self._clock = clock
        self.sleep = sleep

    def __repr__(self) -> str:
        return f"OAuthApp({self._client_id!r}, <hidden>, {self._redirect_uri!r}, base_url={self.base_url!r})"

    def authorization_url(self, scopes: Iterable[Scope | str]) -> tuple[str, str]:
        """Return the URL to send a user's browser to, and the state to keep in their session until they come back.

        Args:
            scopes: The scopes to ask for; the user can only allow all or none of them.

        Raises:
            ConfigurationError: There are no scopes, they are a bare string, or one of them can't be a scope.
        """
        state = secrets.token_urlsafe(32)
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(_check_scopes(scopes)),
            "state": state,
        }
        return f"{self.base_url}/oauth2/authorize?{urlencode(query, quote_via=quote)}", state

    @hides_locals
    async def exchange(self, callback_url_or_code: str, *, state: str | None = None) -> OAuthToken:
        """Exchange the code that a user came back with for a token. A code is valid once, and for some minutes.

        Args:
            callback_url_or_code: The whole URL that the user was sent back to, or only its code.
            state: The state that `authorization_url` returned. The URL must contain it, or an attacker could sign a
                user in to another account. Exist does not document that it returns the state. None compares nothing.

        Raises:
            OAuthError: The user refused, the URL has no code or another state, the service refused the code, or no
                readable answer came. A code is never sent twice: the user has to sign in again.
            ConfigurationError: It is neither a URL nor a code, or a bare code was given with a state.
        """
        code = code_of(callback_url_or_code, state)
        form = {"grant_type": "authorization_code", "redirect_uri": self._redirect_uri, "code": code}
        remedy = "Begin signing in again: a code that was used before, is too old, or is another app's is refused."
        return await self._request_token(form, code, OAuthError, remedy)

    @hides_locals
    async def refresh(self, token: OAuthToken) -> OAuthToken:
        """Exchange a refresh token for new tokens, which invalidates both old ones. Save the new ones first.

        `OAuth2` does this when needed, once for all that share a token store.

        Raises:
            ReauthorizationRequired: The refresh token is no longer valid, or the answer has no usable access token.
            OAuthError: The service refused for another reason, could not be reached, or gave no readable answer twice:
                then the old tokens may be invalid.
            ConfigurationError: It is not an OAuthToken.
        """
        check_oauth_token(token)
        if token.refresh_token is None:
            raise ReauthorizationRequired(f"This token has no refresh token, so it can't be refreshed. {_SIGN_IN}")
        form = {"grant_type": "refresh_token", "refresh_token": token.refresh_token}
        new = await self._request_token(form, token.refresh_token, ReauthorizationRequired, _SIGN_IN, max_repeats=1)
        # Fields that an answer lacks, or has in an unusable form, stay as they were.
        return attrs.evolve(new, refresh_token=new.refresh_token or token.refresh_token, scope=new.scope or token.scope)

    async def _request_token(
        self, form: dict[str, str], grant: str, failure: type[OAuthError], remedy: str, *, max_repeats: int = 0
    ) -> OAuthToken:
        """Exchange a grant for a token; `failure` is raised with the remedy if the grant is not valid any more."""
        form = {**form, "client_id": self._client_id, "client_secret": self._client_secret}
        try:
            answer = await self._forms.post(
                "/oauth2/access_token", form, secrets=(grant, self._client_secret), max_repeats=max_repeats
            )
            return parse_token(answer, self._clock())
        except ExistAsyncError as error:
            raise refusal(error, failure, remedy) from error
        except UnreadableError as error:
            raise failure(
                f"The request may have been carried out, but the answer can't be read ({error}). {remedy}"
            ) from error


def _check_scopes(scopes: Iterable[Scope | str]) -> list[str]:
    if isinstance(scopes, str) or not isinstance(scopes, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type("scopes", "a list such as [Scope.MOOD_READ]", scopes)
    names = list(scopes)
    for name in names:
        check_token(f"scopes: {safe_repr(name)}", name)
    if not names:
        raise ConfigurationError("scopes is empty: ask for at least one")
    return list(dict.fromkeys(names))


def _check_redirect_uri(uri: str) -> None:
    check_text("redirect_uri", uri)
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise ConfigurationError(f"redirect_uri is not a valid URL: {error}") from None
    if not parts.scheme or " " in uri or "#" in uri:
        raise ConfigurationError(
            "redirect_uri must be the absolute URL that is registered with the app, such as "
            f"'https://example.com/callback', without a fragment, not {uri!r}"
        )
    if not uri.isascii():
        raise ConfigurationError(
            f"redirect_uri {uri!r} contains a character that is not ASCII: register it as browsers send it, with "
            "punycode ('xn--') in the host and percent-encoding in the rest"
        )
