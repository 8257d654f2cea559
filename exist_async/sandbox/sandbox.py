"""The Exist sandbox: its settings, users, services, tokens and seeded data."""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Unpack

from exist_async.sandbox.app import App
from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.authorization import authorize_url
from exist_async.sandbox.base import BaseSandbox, utc_now
from exist_async.sandbox.faults import exist_error_body
from exist_async.sandbox.findings import Correlation, CorrelationFields, Insight, InsightFields
from exist_async.sandbox.grants import Grants
from exist_async.sandbox.groups import SCOPES
from exist_async.sandbox.middleware import Middleware
from exist_async.sandbox.pagination import MAX_PAGE_SIZE
from exist_async.sandbox.sample import add_sample
from exist_async.sandbox.seeding import require_attribute, seed_attribute, seed_values
from exist_async.sandbox.services import Service
from exist_async.sandbox.settings import AveragesKey, MissingDays, Settings
from exist_async.sandbox.state import State
from exist_async.sandbox.throttle import WINDOW, Throttle, validate_limit, validate_period
from exist_async.sandbox.users import User
from exist_async.sandbox.value_types import BOOLEAN
from exist_async.sandbox.values import Value

__all__ = ["Sandbox"]


class Sandbox(BaseSandbox):
    """An in-memory Exist server, initially with one user, one service and a token with all scopes.

    Attributes:
        latency: Seconds that each request waits before it is handled.
        user: The first user, "ada", with the time zone Australia/Melbourne.
        service: The first service, "my_client".
        token: The OAuth2 access token of the first user for the first service.
    """

    def __init__(
        self,
        *,
        latency: float = 0.0,
        rate_limit: int | None = None,
        rate_period: float = WINDOW,
        page_size: int = 20,
        token: str = "sandbox-token",  # noqa: S107  (valid for this sandbox only)
        client_id: str = "sandbox-client",
        client_secret: str = "sandbox-secret",  # noqa: S107
        redirect_uri: str = "http://localhost:8000/",
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        """Create a sandbox without attributes.

        Args:
            latency: Seconds that each request waits before it is handled.
            rate_limit: Requests per token in any `rate_period` (Exist itself allows 300); None for no limit.
            rate_period: Length of the rate limit's moving window in seconds; Exist's is an hour. Shorten it to try a
                job of hours in minutes.
            page_size: Default number of results on a page, 1 to 100.
            token: The access token of the first user for the first service.
            client_id: OAuth2 client ID of the first service.
            client_secret: OAuth2 client secret of the first service.
            redirect_uri: OAuth2 redirect URI of the first service.
            clock: Monotonic clock in seconds, for the rate limit and the expiry of codes and tokens.
            now: Returns the current time, in any time zone; each user's local time and today derive from it.

        Raises:
            ValueError: A number is out of range, or the redirect URI is not an absolute URL.
        """
        if not 1 <= page_size <= MAX_PAGE_SIZE:
            raise ValueError(f"page_size must be from 1 to {MAX_PAGE_SIZE}, not {page_size}")
        self._throttle = Throttle(
            validate_limit(rate_limit, "rate_limit"), clock, validate_period(rate_period, "rate_period")
        )
        self._settings = Settings(page_size, now)
        self._state = State(Grants(clock, self._settings))
        middleware = Middleware(now)
        app = App(self._state, self._throttle, middleware, self._settings)
        super().__init__(app, middleware, exist_error_body, latency)
        self.user = self.add_user("ada", first_name="Ada", last_name="Example")
        self.service = self.add_service(
            "my_client", "My client", client_id=client_id, client_secret=client_secret, redirect_uri=redirect_uri
        )
        self.token = self.issue_token(token=token)

    @property
    def rate_limit(self) -> int | None:
        """Requests per token in any `rate_period`, or None for no limit; may be set at any time."""
        return self._throttle.limit

    @rate_limit.setter
    def rate_limit(self, requests: int | None) -> None:
        self._throttle.limit = validate_limit(requests, "rate_limit")

    @property
    def rate_period(self) -> float:
        """Length of the rate limit's moving window in seconds, initially an hour; may be set at any time."""
        return self._throttle.window

    @rate_period.setter
    def rate_period(self, seconds: float) -> None:
        self._throttle.window = validate_period(seconds, "rate_period")

    @property
    def token_lifetime(self) -> int:
        """Seconds until new access tokens expire, initially a year; may be set at any time."""
        return self._settings.token_lifetime

    @token_lifetime.setter
    def token_lifetime(self, seconds: int) -> None:
        if seconds < 1:
            raise ValueError(f"token_lifetime must be at least 1 second, not {seconds}")
        self._settings.token_lifetime = seconds

    @property
    def passes_state(self) -> bool:
        """Whether `state` is passed through authorisation, which is unverified for Exist; may be set at any time."""
        return self._settings.passes_state

    @passes_state.setter
    def passes_state(self, passes: bool) -> None:
        self._settings.passes_state = passes

    @property
    def missing_days(self) -> MissingDays:
        """Whether days without a value are "null", as documented, or "absent"; may be set at any time."""
        return self._settings.missing_days

    @missing_days.setter
    def missing_days(self, days: MissingDays) -> None:
        if days not in ("null", "absent"):
            raise ValueError(f"missing_days must be 'null' or 'absent', not {days!r}")
        self._settings.missing_days = days

    @property
    def averages_key(self) -> AveragesKey:
        """The key of the attribute's name in averages, "user_attribute" or "attribute"; may be set at any time."""
        return self._settings.averages_key

    @averages_key.setter
    def averages_key(self, key: AveragesKey) -> None:
        if key not in ("user_attribute", "attribute"):
            raise ValueError(f"averages_key must be 'user_attribute' or 'attribute', not {key!r}")
        self._settings.averages_key = key

    # Users, services and tokens

    def add_user(
        self,
        username: str,
        *,
        timezone: str = "Australia/Melbourne",
        first_name: str = "",
        last_name: str = "",
        avatar: str = "",
        password: str = "sandbox-password",  # noqa: S107
    ) -> User:
        """Add a user without attributes; the other profile fields may be set on the returned user.

        Raises:
            ValueError: The username is in use, or the time zone is unknown.
        """
        return self._state.add_user(
            User(
                username,
                timezone=timezone,
                password=password,
                first_name=first_name,
                last_name=last_name,
                avatar=avatar,
            )
        )

    def add_service(
        self,
        name: str,
        label: str,
        scopes: Iterable[str] = SCOPES,
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        redirect_uri: str = "http://localhost:8000/",
    ) -> Service:
        """Add a service.

        Args:
            name: Name in attributes.
            label: Display name.
            scopes: Maximum scopes that a user can grant it, and default scopes of tokens issued for it.
            client_id: OAuth2 client ID; the name by default.
            client_secret: OAuth2 client secret; random by default.
            redirect_uri: OAuth2 redirect URI.

        Raises:
            ValueError: The name or client ID is in use, a scope is unknown, or the redirect URI is not an absolute URL.
        """
        return self._state.add_service(
            name, label, scopes, client_id=client_id, client_secret=client_secret, redirect_uri=redirect_uri
        )

    def issue_token(
        self,
        user: User | None = None,
        service: Service | None = None,
        scopes: Iterable[str] | None = None,
        token: str | None = None,
    ) -> str:
        """Issue an OAuth2 access token, for the header `Authorization: Bearer …`.

        Args:
            user: User of the token; the first user by default.
            service: Service of the token; the first service by default.
            scopes: Scopes of the token; those of the service by default.
            token: Value of the token; random by default.

        Raises:
            ValueError: The token is in use, or a scope is unknown.
        """
        return self._state.grants.issue_token(user or self.user, service or self.service, scopes, token).value

    def issue_simple_token(self, user: User | None = None) -> str:
        """Return the read-only token of a user, the first by default, for the header `Authorization: Token …`."""
        return self._state.grants.simple_token(user or self.user).value

    def expire_tokens(self, user: User | None = None) -> None:
        """Revoke the OAuth2 access tokens of a user, or of all (`token` included); refresh tokens stay valid."""
        self._state.grants.expire_tokens(user)

    def authorize(self, url: str, user: User | None = None) -> str:
        """Press Allow without a browser.

        Args:
            url: The authorisation URL, of any origin.
            user: The user who allows it; the first user by default.

        Returns:
            The URL to which the browser would be redirected: with a code, or with an error when the scopes or the
            response type are wrong.

        Raises:
            ValueError: `url` is not an authorisation URL, or its client ID or redirect URI is wrong.
        """
        return authorize_url(self._state, self._settings, url, user or self.user)

    def deny(self, url: str) -> str:
        """Press Deny without a browser; otherwise like `authorize`."""
        return authorize_url(self._state, self._settings, url, None)

    # Attributes and values

    def add_attribute(
        self,
        user: User | None = None,
        template: str | None = None,
        *,
        name: str | None = None,
        label: str | None = None,
        group: str = "custom",
        value_type: int = BOOLEAN,
        service: Service | None = None,
        available_services: Iterable[Service] = (),
        active: bool = True,
        manual: bool = True,
        priority: int | None = None,
    ) -> Attribute:
        """Add an attribute to a user directly, without the restrictions of the API.

        Args:
            user: The user; the first user by default.
            template: Name of a template, which defines label, group and value type; None for a custom attribute.
            name: Name of a custom attribute; derived from the label by default.
            label: Label of a custom attribute; the name by default.
            group: Group of a custom attribute.
            value_type: Value type of a custom attribute; numbers that Exist does not define are allowed.
            service: The owner, which is also an available service; none by default.
            available_services: Other available services, the next owner first.
            active: Whether the attribute is active; the values of an inactive one can't be read.
            manual: Whether the values are entered by hand.
            priority: By default the template's, or 2 in the group "custom" and 9 in others; from 10 on, listings
                without values leave out the attribute by default.

        Returns:
            The attribute; its `active`, `manual` and `service` may be set later.

        Raises:
            ValueError: The user has it already, the template or group is unknown, or both name and label are missing.
        """
        return seed_attribute(
            user or self.user,
            template,
            name=name,
            label=label,
            group=group,
            value_type=value_type,
            service=service,
            available_services=available_services,
            active=active,
            manual=manual,
            priority=priority,
        )

    def set_value(self, name: str, date: dt.date, value: Value, user: User | None = None) -> None:
        """Set the value of an attribute on one day; otherwise like `set_values`."""
        self.set_values(name, {date: value}, user)

    def set_values(self, name: str, values: Mapping[dt.date, Value], user: User | None = None) -> None:
        """Set values of an attribute, independently of its owner; other days are not changed.

        Args:
            name: Name of the attribute.
            values: Values by date in the user's time zone.
            user: The user; the first user by default.

        Raises:
            ValueError: The user has no such attribute, a key is not a date, or a value has another type or is out of
                range; then none is set.
        """
        seed_values(user or self.user, name, values)

    def values(self, name: str, user: User | None = None) -> dict[dt.date, Value]:
        """Return the values of an attribute by day, oldest first; of the first user by default.

        Raises:
            ValueError: The user has no such attribute.
        """
        return dict(sorted(require_attribute(user or self.user, name).history.by_day.items()))

    # Correlations, insights and sample data

    def add_correlation(
        self,
        attribute: str,
        attribute2: str,
        value: float,
        *,
        user: User | None = None,
        **more: Unpack[CorrelationFields],
    ) -> None:
        """Add a correlation between two attributes; the sandbox computes none of its own.

        Args:
            attribute: Name of the first attribute.
            attribute2: Name of the second attribute.
            value: Correlation coefficient, -1 to 1; strong from an absolute value of 0.5.
            user: The user; the first user by default.
            **more: Other fields, see `CorrelationFields`; by default with today's date and five stars.

        Raises:
            ValueError: The user has no such attribute, both are the same, or a number is out of range.
        """
        user = user or self.user
        first, second = require_attribute(user, attribute), require_attribute(user, attribute2)
        more.setdefault("date", user.local_time(self._settings.now()).date())
        user.correlations.append(Correlation(first, second, value, **more))

    def add_insight(
        self, attribute: str, text: str, *, user: User | None = None, **more: Unpack[InsightFields]
    ) -> None:
        """Add an insight about an attribute; the sandbox computes none of its own.

        Args:
            attribute: Name of the attribute.
            text: Text, in one or more lines.
            user: The user; the first user by default.
            **more: Other fields, see `InsightFields`; by default created now, without a target date.

        Raises:
            ValueError: The user has no such attribute, the text is blank, or the priority is out of range.
        """
        user = user or self.user
        more["created"] = user.local_time(more.get("created", self._settings.now()))
        user.insights.append(Insight(require_attribute(user, attribute), text, **more))

    def add_sample(self, user: User | None = None) -> None:
        """Add a year of plausible values up to today, with correlations and insights.

        Steps, mood, coffees and tags belong to the first service; sleep and weight belong to the service "tracker",
        which is added unless there is one. The data is always the same.

        Args:
            user: A user without attributes; the first user by default.

        Raises:
            ValueError: The user has attributes already.
        """
        add_sample(self._state, user or self.user, self.service, self._settings.now())

    # Recorded requests

    @property
    def batch_sizes(self) -> list[int]:
        """Number of items in each write among the last 10,000 requests, failed ones included, in order of arrival."""
        return self._recorder.batch_sizes()
