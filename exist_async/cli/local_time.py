"""The time of this machine: today, and moments as people read a clock."""

import datetime as dt
from typing import Final

_LATEST: Final = 253_370_000_000  # Python has no dates after the year 9999


def today_here() -> dt.date:
    """Return the current date in the time zone of this machine."""
    return dt.datetime.now().astimezone().date()


def describe_time(moment: float, now: float) -> str:
    """Return a moment in local time, such as "23:41", "tomorrow 05:40" or "2026-11-30 05:40".

    Args:
        moment: Seconds since the epoch. Less than a minute away, it has seconds: "23:41:07".
        now: The current time, in seconds since the epoch.
    """
    time, today = (dt.datetime.fromtimestamp(min(seconds, _LATEST)).astimezone() for seconds in (moment, now))
    clock = f"{time:%H:%M:%S}" if moment - now < 60 else f"{time:%H:%M}"
    days = (time.date() - today.date()).days
    if days == 0:
        return clock
    return f"tomorrow {clock}" if days == 1 else f"{time:%Y-%m-%d} {clock}"
