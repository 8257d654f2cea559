"""The user's profile, and the current date and time in the user's time zone."""

from datetime import date, datetime

from attrs import frozen

from exist_async._http.call import Call
from exist_async._http.responses import no_answer
from exist_async.errors import NoAnswerError
from exist_async.resource import ROOT, Resource


@frozen
class UserProfile:
    """The user's name, time zone, units and account.

    Attributes:
        username: Name on Exist.
        avatar: URL of the profile picture.
        timezone: IANA name of the time zone, such as `Australia/Melbourne`.
        local_time: The user's local time when the service answered.
        imperial_distance: Whether distances are in miles; also weight (pounds), energy (calories), liquid (fluid
            ounces) and temperature (degrees Fahrenheit).
        delinquent: Whether payments for the account are overdue.
        weekly_email: Whether the user gets a weekly email; likewise `yearly_email`.
    """

    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    avatar: str | None = None
    timezone: str | None = None
    local_time: datetime | None = None
    imperial_distance: bool | None = None
    imperial_weight: bool | None = None
    imperial_energy: bool | None = None
    imperial_liquid: bool | None = None
    imperial_temperature: bool | None = None
    trial: bool | None = None
    delinquent: bool | None = None
    weekly_email: bool | None = None
    yearly_email: bool | None = None


class Profile(Resource):
    """The profile of the user whom the token belongs to."""

    __slots__ = ()

    async def get(self) -> UserProfile:
        """Return the user's profile."""
        call = Call("GET", f"{ROOT}accounts/profile/")
        profile = await self._session.send(call, UserProfile)
        if not (profile.username or profile.timezone or profile.local_time):
            raise no_answer(call, "the answer is not a profile: it has no user name, time zone or local time")
        return profile

    async def today(self) -> date:
        """Return the current date in the user's time zone, as Exist counts days; costs one request.

        Raises:
            NoAnswerError: The profile has no local time, and no time zone that is known on this machine.
        """
        return today_of(await self.get())

    async def now(self) -> datetime:
        """Return the current time in the user's time zone, by Exist's clock; costs one request.

        Raises:
            NoAnswerError: The profile has no local time with its offset from UTC, and no time zone that is known on
                this machine.
        """
        return now_of(await self.get())


def today_of(profile: UserProfile) -> date:
    """Return the date in the user's time zone when a profile was answered, as Exist counts days."""
    return (profile.local_time or _now_in(profile.timezone)).date()


def now_of(profile: UserProfile) -> datetime:
    """Return the time in the user's time zone when a profile was answered, by Exist's clock."""
    if profile.local_time is not None and profile.local_time.tzinfo is not None:
        return profile.local_time
    return _now_in(profile.timezone)


def _now_in(timezone: str | None) -> datetime:
    # Imported here, because it takes 2 ms and Exist always sends the local time.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if not timezone:
        raise NoAnswerError("The profile has neither a local time with its offset nor a time zone")
    try:
        return datetime.now(ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # the last two for a name that is a path
        raise NoAnswerError(f"The profile's time zone {timezone!r} is unknown on this machine") from error
