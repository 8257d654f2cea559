"""The user's profile, and the day it is where they are."""

from datetime import date, datetime

from attrs import frozen

from exist_async._http.call import Call
from exist_async.errors import NoAnswerError
from exist_async.resource import ROOT, Resource


@frozen
class UserProfile:
    """Who the user is, and in which units and zone they live.

    Attributes:
        username: Their name on Exist.
        first_name: Their first name.
        last_name: Their last name.
        avatar: The address of their picture.
        timezone: The IANA name of their time zone, such as `Australia/Melbourne`.
        local_time: The time it was where they are, when this was answered.
        imperial_distance: Whether they think in miles.
        imperial_weight: Whether they think in pounds.
        imperial_energy: Whether they think in calories.
        imperial_liquid: Whether they think in fluid ounces.
        imperial_temperature: Whether they think in degrees Fahrenheit.
        trial: Whether their account is on trial.
        delinquent: Whether their account is behind with its payments.
        weekly_email: Whether they are sent a weekly email.
        yearly_email: Whether they are sent a yearly email.
    """

    username: str
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
    """The user whom the token belongs to."""

    __slots__ = ()

    async def get(self) -> UserProfile:
        """Return the user's profile."""
        return await self._session.send(Call("GET", f"{ROOT}accounts/profile/"), UserProfile)

    async def today(self) -> date:
        """Return the day it is where the user is: what Exist's dates mean. It costs one request.

        Raises:
            NoAnswerError: The profile names no time zone that this machine knows.
        """
        return (await self.now()).date()

    async def now(self) -> datetime:
        """Return the time it is where the user is, by Exist's clock. It costs one request.

        Raises:
            NoAnswerError: The profile names no time zone that this machine knows.
        """
        profile = await self.get()
        if profile.local_time is not None and profile.local_time.tzinfo is not None:
            return profile.local_time
        # Imported here, since it makes the package's own import longer and Exist always tells the local time.
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return datetime.now(ZoneInfo(profile.timezone or ""))
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a path that is no zone
            raise NoAnswerError(f"The profile's time zone {profile.timezone!r} is not known here") from error
