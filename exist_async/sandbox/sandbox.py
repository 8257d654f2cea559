"""The sandbox itself: one Exist, its people and clients, and the knobs to turn."""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Unpack

from exist_async.sandbox.app import App
from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.authorization import press
from exist_async.sandbox.faults import detail
from exist_async.sandbox.findings import Correlation, CorrelationFields, Insight, InsightFields
from exist_async.sandbox.grants import Grants
from exist_async.sandbox.groups import SCOPES
from exist_async.sandbox.harness import Harness
from exist_async.sandbox.intake import Intake
from exist_async.sandbox.pages import LARGEST_PAGE
from exist_async.sandbox.sample import add_sample
from exist_async.sandbox.seeding import attribute_of, seed_attribute, seed_values
from exist_async.sandbox.services import Service
from exist_async.sandbox.settings import AveragesKey, MissingDays, Settings
from exist_async.sandbox.throttle import Throttle, checked_limit
from exist_async.sandbox.users import User
from exist_async.sandbox.value_types import BOOLEAN
from exist_async.sandbox.values import Value
from exist_async.sandbox.world import World

__all__ = ["Sandbox"]


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Sandbox(Harness):
    """An Exist in memory, with one user, one service and a token of all scopes to begin with.

    Attributes:
        latency: Seconds that every request waits before it is handled.
        user: The first user, "ada", who lives in Melbourne.
        service: The first service, "my_client".
        token: The OAuth2 access token of the first user for the first service.
    """

    def __init__(
        self,
        *,
        latency: float = 0.0,
        rate_limit: int | None = None,
        page_size: int = 20,
        token: str = "sandbox-token",  # noqa: S107  (it opens nothing but this)
        client_id: str = "sandbox-client",
        client_secret: str = "sandbox-secret",  # noqa: S107
        redirect_uri: str = "http://localhost:8000/",
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], dt.datetime] = _utc_now,
    ) -> None:
        """Set up an Exist without attributes.

        Args:
            latency: Seconds that every request waits before it is handled.
            rate_limit: Requests that a token has in any 3,600 seconds, 300 at Exist itself; None for no limit.
            page_size: Results on a page when the caller does not say, 1 to 100.
            token: The access token of the first user for the first service.
            client_id: Of the first service.
            client_secret: Of the first service.
            redirect_uri: Of the first service: where a user's browser comes back to.
            clock: Seconds, by which the rate limit is counted, and codes and tokens grow old.
            now: The moment, in any time zone, from which each user's local time and today follow.

        Raises:
            ValueError: A number is out of its range, or the redirect URI is no absolute URL.
        """
        if not 1 <= page_size <= LARGEST_PAGE:
            raise ValueError(f"page_size must be from 1 to {LARGEST_PAGE}, not {page_size}")
        self._throttle = Throttle(checked_limit(rate_limit, "rate_limit"), clock)
        self._settings = Settings(page_size, now)
        self._world = World(Grants(clock, self._settings))
        intake = Intake()
        super().__init__(App(self._world, self._throttle, intake, self._settings), intake, detail, latency)
        self.user = self.add_user("ada", first_name="Ada", last_name="Example")
        self.service = self.add_service(
            "my_client", "My client", client_id=client_id, client_secret=client_secret, redirect_uri=redirect_uri
        )
        self.token = self.issue_token(token=token)

    @property
    def rate_limit(self) -> int | None:
        """Requests that a token has in any 3,600 seconds, or None; may be set at any time."""
        return self._throttle.limit

    @rate_limit.setter
    def rate_limit(self, requests: int | None) -> None:
        self._throttle.limit = checked_limit(requests, "rate_limit")

    @property
    def token_lifetime(self) -> int:
        """Seconds that access tokens issued from now on are valid, a year to begin with; may be set at any time."""
        return self._settings.token_lifetime

    @token_lifetime.setter
    def token_lifetime(self, seconds: int) -> None:
        if seconds < 1:
            raise ValueError(f"token_lifetime must be at least 1 second, not {seconds}")
        self._settings.token_lifetime = seconds

    @property
    def passes_state(self) -> bool:
        """Whether `state` comes back with the answer, which is not proven of Exist; may be set at any time."""
        return self._settings.passes_state

    @passes_state.setter
    def passes_state(self, passes: bool) -> None:
        self._settings.passes_state = passes

    @property
    def missing_days(self) -> MissingDays:
        """Whether days without data are "null", as documented, or "absent"; may be set at any time."""
        return self._settings.missing_days

    @missing_days.setter
    def missing_days(self, days: MissingDays) -> None:
        if days not in ("null", "absent"):
            raise ValueError(f"missing_days must be 'null' or 'absent', not {days!r}")
        self._settings.missing_days = days

    @property
    def averages_key(self) -> AveragesKey:
        """Whether an average names its "user_attribute" or its "attribute", both documented; may be set at any time."""
        return self._settings.averages_key

    @averages_key.setter
    def averages_key(self, key: AveragesKey) -> None:
        if key not in ("user_attribute", "attribute"):
            raise ValueError(f"averages_key must be 'user_attribute' or 'attribute', not {key!r}")
        self._settings.averages_key = key

    # People and clients

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
        """Add a user without attributes; the rest of the profile may be set on what is returned.

        Raises:
            ValueError: The username is taken, or the time zone is unknown.
        """
        return self._world.add_user(
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
            name: Its name inside attributes.
            label: What people read.
            scopes: Those of its tokens, unless one is issued with others; a user who signs in can grant it no more.
            client_id: Who it is when it signs users in; its name by default.
            client_secret: How it proves that; made up by default, to be read from what is returned.
            redirect_uri: Where its users' browsers come back to.

        Raises:
            ValueError: The name or the client ID is taken, a scope is unknown, or the redirect URI is no absolute URL.
        """
        return self._world.add_service(
            name, label, scopes, client_id=client_id, client_secret=client_secret, redirect_uri=redirect_uri
        )

    def issue_token(
        self,
        user: User | None = None,
        service: Service | None = None,
        scopes: Iterable[str] | None = None,
        token: str | None = None,
    ) -> str:
        """Return an OAuth2 access token, for the header `Authorization: Bearer …`.

        Args:
            user: Whose data it opens; the first user by default.
            service: Who writes with it; the first service by default.
            scopes: What it may do; the scopes of the service by default.
            token: The token itself; made up by default.

        Raises:
            ValueError: The token is taken, or a scope is unknown.
        """
        return self._world.grants.issue(user or self.user, service or self.service, scopes, token).value

    def issue_simple_token(self, user: User | None = None) -> str:
        """Return the read-only token of a user, the first by default, for the header `Authorization: Token …`."""
        return self._world.grants.simple(user or self.user).value

    def expire_tokens(self, user: User | None = None) -> None:
        """End the OAuth2 access tokens of a user, or of all, `token` included; refresh tokens still work."""
        self._world.grants.expire(user)

    def authorize(self, url: str, user: User | None = None) -> str:
        """Press Allow without a browser.

        Args:
            url: The authorisation URL, of any origin.
            user: Who allows it; the first user by default.

        Returns:
            The URL that the browser would be sent to: with a code, or with the error when the scopes or the response
            type are wrong.

        Raises:
            ValueError: It is no authorisation URL, or has another client ID or redirect URI than the service.
        """
        return press(self._world, self._settings, url, user or self.user)

    def deny(self, url: str) -> str:
        """Press Deny without a browser; otherwise as `authorize`."""
        return press(self._world, self._settings, url, None)

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
        """Give a user an attribute, past the API and its rules.

        Args:
            user: Whose it is; the first user by default.
            template: Makes a templated attribute, whose label, group and value type are the template's.
            name: Of a custom attribute; made from the label by default.
            label: Of a custom attribute; the name by default.
            group: Of a custom attribute.
            value_type: Of a custom attribute; also one that Exist does not have yet.
            service: The owner, which is then available too; nobody by default.
            available_services: Other services that can provide the attribute, the next owner first.
            active: Whether it is active.
            manual: Whether it is tracked by hand.
            priority: The template's own or 1 by default; from 10 the attribute is hidden unless asked for.

        Returns:
            The attribute, whose `active`, `manual` and `service` may be set later.

        Raises:
            ValueError: The user has it already, or there is no such template or group, or neither name nor label.
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
        """Set what an attribute of a user, the first by default, has on one day; otherwise as `set_values`."""
        self.set_values(name, {date: value}, user)

    def set_values(self, name: str, values: Mapping[dt.date, Value], user: User | None = None) -> None:
        """Set what an attribute has on some days, whoever owns it; the other days stay as they are.

        Args:
            name: Of the attribute.
            values: By the day, where the user is; many at once are set quickly.
            user: Whose they are; the first user by default.

        Raises:
            ValueError: There is no such attribute, a day is no date, or a value is of another type or out of range;
                then none is set.
        """
        seed_values(user or self.user, name, values)

    def values(self, name: str, user: User | None = None) -> dict[dt.date, Value]:
        """Return what an attribute of a user, the first by default, has, oldest day first.

        Raises:
            ValueError: There is no such attribute.
        """
        return dict(sorted(attribute_of(user or self.user, name).history.by_day.items()))

    def add_correlation(
        self,
        attribute: str,
        attribute2: str,
        value: float,
        *,
        user: User | None = None,
        **more: Unpack[CorrelationFields],
    ) -> None:
        """Let Exist have found that two attributes go together; it computes no correlations of its own.

        Args:
            attribute: The name of the one.
            attribute2: The name of the other.
            value: How much, from -1 to 1; from 0.5 either way it counts as strong.
            user: Whose they are; the first user by default.
            **more: The rest of what Exist says, see `CorrelationFields`; found today, with five stars, by default.

        Raises:
            ValueError: There is no such attribute, both are one, or a number is out of its range.
        """
        user = user or self.user
        first, second = attribute_of(user, attribute), attribute_of(user, attribute2)
        more.setdefault("date", user.local(self._settings.now()).date())
        user.correlations.append(Correlation(first, second, value, **more))

    def add_insight(
        self, attribute: str, text: str, *, user: User | None = None, **more: Unpack[InsightFields]
    ) -> None:
        """Let Exist have noticed something in an attribute; it notices nothing by itself.

        Args:
            attribute: Its name.
            text: What Exist says, in one or more lines.
            user: Whose it is; the first user by default.
            **more: The rest of what Exist says, see `InsightFields`; found now, about no day, by default.

        Raises:
            ValueError: There is no such attribute, no text, or no such priority.
        """
        user = user or self.user
        more["created"] = user.local(more.get("created", self._settings.now()))
        user.insights.append(Insight(attribute_of(user, attribute), text, **more))

    def add_sample(self, user: User | None = None) -> None:
        """Give a user a year of plausible data up to today, so that every listing shows something.

        Steps, mood, coffees and tags belong to the first service; sleep and weight to another, "tracker", which is
        added where there is none yet. The data is the same each time, and there are correlations and insights too.

        Args:
            user: Who has no attributes yet; the first user by default.

        Raises:
            ValueError: The user has attributes already.
        """
        add_sample(self._world, user or self.user, self.service, self._settings.now())

    # What was asked

    @property
    def batch_sizes(self) -> list[int]:
        """How many items each write of the last 10,000 requests held, whatever became of it, in order of arrival."""
        return self._recorder.batch_sizes()
