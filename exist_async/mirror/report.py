"""The progress of a pull, and its outcome."""

import datetime as dt

from attrs import asdict, frozen

from exist_async import _json


@frozen
class PullProgress:
    """The progress of a pull so far.

    Attributes:
        requests: Number of requests so far, with retries.
        total: Number of requests that the pull takes in all, by estimate: it may grow. None in the beginning, and while
            values are read back to a first day that is not known yet.
        oldest: Oldest day of values that has been read in this pull; None before the first values.
    """

    requests: int
    total: int | None
    oldest: dt.date | None


@frozen
class PullReport:
    """The outcome of a pull.

    Attributes:
        user: The user's name on Exist; None if the profile has none.
        requests: Number of requests, with retries.
        new: Number of values that were not in the file before.
        changed: Number of values that were in the file, and are different now: other, removed, or there again.
        inaccessible: Names of the attributes of which Exist gives no values now: they are inactive, or it does not list
            them any more. Their values stay in the file.
        since: The first day of which all accessible attributes have been read.
        until: The last day: the user's today.
        current_from: The first day from which on all values were read in this pull.
        current_as_of: All values of accessible attributes are as they were in Exist at this time, or later.
        rereads_in: Number of further pulls with the same arguments within which all values are read again, so that
            every edit from before them is found. Those that are interrupted, and the next one after each, don't count.
            None if `budget` is 0.
    """

    user: str | None
    requests: int
    new: int
    changed: int
    inaccessible: tuple[str, ...]
    since: dt.date
    until: dt.date
    current_from: dt.date
    current_as_of: dt.datetime
    rereads_in: int | None

    def __str__(self) -> str:
        return (
            f"{self.requests} requests: {self.new} new and {self.changed} changed values of {self.since} to "
            f"{self.until}, all as of {self.current_as_of:%Y-%m-%d %H:%M} or later"
        )

    def to_json(self) -> str:
        """Return the report as a JSON object of its attributes; dates and times are ISO texts."""
        return _json.encode(asdict(self)).decode()
