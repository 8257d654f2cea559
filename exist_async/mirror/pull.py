"""Pulls a user's data into a mirror: what is new, what was never read, and what was read longest ago."""

import datetime as dt
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import asdict, define, field

from exist_async._checks import check_callback, check_day, check_int, wrong_type
from exist_async.attributes import Attribute
from exist_async.client import ExistClient
from exist_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ExistAsyncError,
    MirrorError,
    NoAnswerError,
    StatusError,
)
from exist_async.events import AttemptEvent, Event
from exist_async.mirror import rows
from exist_async.mirror.coverage import ONE_DAY, plan_readings, unread_spans
from exist_async.mirror.coverage_rows import forget_coverage, time_of_reading
from exist_async.mirror.database import Database
from exist_async.mirror.parts import Block, check_parts, plan_part, read_part
from exist_async.mirror.reading import read_attributes
from exist_async.mirror.report import PullProgress, PullReport
from exist_async.mirror.rotation import oldest_windows, rotation_windows
from exist_async.mirror.value_reader import ValueReader
from exist_async.paging import LARGEST_PAGE
from exist_async.profile import UserProfile, now_of, today_of
from exist_async.values.history_plan import Span
from exist_async.values.requests import MOST_DAYS

if TYPE_CHECKING:
    import sqlite3

OnProgress: TypeAlias = Callable[[PullProgress], object] | None

_EMPTY: Final = dt.timedelta(days=12 * MOST_DAYS)
"""Days without a value before the first one that end the reading back: more than a year, in whole windows."""

_EARLIEST: Final = dt.date(1900, 1, 1)
_MOST_DAYS_AGAIN: Final = 36_500

_log = logging.getLogger("exist_async")


async def pull(
    database: Database,
    exist: ExistClient,
    *,
    since: dt.date | None,
    days: int,
    budget: int,
    parts: Iterable[str],
    on_progress: OnProgress,
) -> PullReport:
    """Pull into the file of a mirror, as `Mirror.pull` describes it."""
    if not isinstance(exist, ExistClient):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type("exist", "an ExistClient", exist)
    if since is not None:
        check_day("since", since)
        if since < _EARLIEST:
            raise ConfigurationError(f"since is {since}: give None to read back to the first value")
    check_int("days", days, least=1, most=_MOST_DAYS_AGAIN)
    check_int("budget", budget, least=0)
    check_callback("on_progress", "a PullProgress", on_progress)
    one_pull = _Pull(database, exist, since, days, budget, check_parts(parts), on_progress)
    async with database.locked():
        return await one_pull.run()


@define(eq=False, repr=False)
class _Pull:
    """One pull: profile, attributes, values of the last days, unread values, parts, and values to read again."""

    _database: Database
    _client: ExistClient
    _since: dt.date | None
    _days: int
    _budget: int
    _parts: Sequence[str]
    _on_progress: OnProgress
    _exist: ExistClient = field(init=False)
    _requests: int = field(init=False, default=0)
    # The number of requests after which the current step ends, by estimate; then the steps that follow it.
    _step_end: int | None = field(init=False, default=None)
    _blocks: dict[str, Sequence[Block]] = field(init=False, factory=dict[str, Sequence[Block]])
    _rereading: int = field(init=False, default=0)  # requests for what was read longest ago
    _read_at: dt.datetime = field(init=False)
    _goes_on: bool = field(init=False)  # after an interrupted pull, or as the first one: nothing old is read again
    _last: Span = field(init=False)  # the days that each pull reads
    _values: ValueReader = field(init=False)
    _failures: list[ExistAsyncError] = field(init=False, factory=list[ExistAsyncError])

    def __attrs_post_init__(self) -> None:
        forward = self._client._session.options.on_event  # pyright: ignore[reportPrivateUsage]

        def on_event(event: Event) -> None:
            self._requests += isinstance(event, AttemptEvent)
            if forward is not None:
                forward(event)

        self._exist = self._client.with_options(on_event=on_event)

    async def run(self) -> PullReport:
        """Pull, and note in the file how it ended."""
        options = self._exist._session.options  # pyright: ignore[reportPrivateUsage]
        start = options.clock()
        profile = await self._exist.profile.get()
        today, now = today_of(profile), now_of(profile)
        if self._since is not None and self._since > today:
            raise ConfigurationError(f"since is {self._since}, which is after the user's today, {today}")
        begun = await self._database.write(_begin, options.base_url, profile, now)
        number, self._read_at, self._goes_on = begun
        first = today - dt.timedelta(days=self._days - 1)
        self._last = Span(first if self._since is None else max(first, self._since), today)
        self._values = ValueReader(self._exist, self._database, self._read_at, self._failures, self._report_progress)
        report: PullReport | None = None
        error: BaseException | None = None
        try:
            report = await self._read(profile.username)
            self._raise_failure()
            return report
        except BaseException as raised:
            error = raised
            raise
        finally:
            ended = now + dt.timedelta(seconds=options.clock() - start)
            # An error of the file itself can't be noted in it.
            with suppress(MirrorError) if isinstance(error, MirrorError) else nullcontext():
                await self._database.write(_end, number, ended, self._requests, self._values, report, error)

    async def _read(self, user: str | None) -> PullReport:
        listed = await self._exist.attributes.list(include_inactive=True, include_low_priority=True).collect()
        await self._database.write(_put_attributes, listed, self._read_at)
        pages = await self._values.read(self._last)
        accessible = (
            {attribute.name for attribute in listed if attribute.active is not False}
            if pages is None
            else await self._shown()
        )
        # Number of requests for a window, and of windows that each pull reads again.
        cost = max(1, -(-len(accessible) // LARGEST_PAGE), -(-(pages or 0) // self._last.window_count))
        count = max(1, self._budget // cost) if self._budget else 0
        self._rereading = 0 if self._goes_on else count * cost
        since = await self._read_unread(accessible)
        for part in self._parts:
            await self._read_part(part)
        self._expect(self._rereading)
        self._rereading = 0
        if not self._goes_on:
            await self._read_again(accessible, since, count)
        return await self._report(user, accessible, since, count)

    async def _shown(self) -> set[str]:
        """Return the attributes of which Exist has just given values, which `active` does not tell for certain."""
        coverage = await self._values.coverage()
        return {name for name, parts in coverage.items() if any(part.read_at == self._read_at for part in parts)}

    async def _read_unread(self, names: Collection[str]) -> dt.date:
        """Read what was never read of some attributes, and return the first day that has been read."""
        first = self._last.start
        if self._since is not None:
            days = Span(self._since, self._last.end)
            readings = plan_readings(await self._values.coverage(), names, days)
            await self._plan_parts(days, len(names))
            self._expect(sum(reading.requests for reading in readings))
            await self._values.read_unread(names, days)
            return self._since
        # After a year without a value, there are none before it.
        while names and not self._failures:
            oldest = await self._database.read(_oldest_day) or self._last.end
            if first <= oldest - _EMPTY:
                break
            first = oldest - _EMPTY
            await self._values.read_unread(names, Span(first, self._last.end))
        await self._plan_parts(Span(first, self._last.end), len(names))
        return first

    async def _plan_parts(self, days: Span, attribute_count: int) -> None:
        """Note what is to be read after the values, now that their first day is known."""
        for part in self._parts:
            self._blocks[part] = await plan_part(part, self._database, days, attribute_count)
        older = max(0, (self._last.start - days.start).days)
        self._rereading = min(self._rereading, -(-older // MOST_DAYS) * max(1, -(-attribute_count // LARGEST_PAGE)))

    async def _read_part(self, part: str) -> None:
        def on_page(left: int) -> None:
            self._expect(left)
            self._report_progress()

        blocks = self._blocks.pop(part)
        self._expect(sum(block.requests for block in blocks))
        try:
            await read_part(
                part,
                self._exist,
                self._database,
                blocks,
                today=self._last.end,
                now=self._read_at,
                on_page=on_page,
            )
        except AuthenticationError:
            raise
        except (NoAnswerError, StatusError) as error:
            _log.warning("The %s could not be read: %s", part, error)
            self._failures.append(error)

    async def _read_again(self, names: Collection[str], since: dt.date, count: int) -> None:
        """Read the windows again that were read longest ago."""
        if since < self._last.start:
            days = Span(since, self._last.start - ONE_DAY)
            coverage = await self._values.coverage()
            for window in oldest_windows(coverage, names, days, count, before=self._read_at):
                await self._values.read(window)

    async def _report(self, user: str | None, names: Collection[str], since: dt.date, count: int) -> PullReport:
        coverage = await self._values.coverage()
        days = Span(since, self._last.end)
        # Of the others, some were released during the pull, and some appeared: the next pull reads those.
        complete = [name for name in names if not unread_spans(coverage.get(name, ()), days)]
        parts = [
            part
            for name in complete
            for part in coverage[name]
            if part.span.end >= since and part.span.start <= days.end
        ]
        unchecked = [part.span.end + ONE_DAY for part in parts if part.read_at != self._read_at]
        if since >= self._last.start:
            rereads_in: int | None = 1
        else:
            rereads_in = -(-len(list(rotation_windows(days))) // count) if count else None
        known = await self._database.read(read_attributes)
        appeared = (await self._shown()).difference(names)
        return PullReport(
            user=user,
            requests=self._requests,
            new=self._values.new,
            changed=self._values.changed,
            inaccessible=tuple(sorted({attribute.name for attribute in known}.difference(complete, appeared))),
            since=since,
            until=days.end,
            current_from=max(unchecked, default=since),
            current_as_of=min((part.read_at for part in parts), default=self._read_at),
            rereads_in=rereads_in,
        )

    def _raise_failure(self) -> None:
        if self._failures:
            raise self._failures[0]

    def _expect(self, requests: int) -> None:
        """Note how many more requests the current step takes, by estimate."""
        self._step_end = self._requests + requests

    def _report_progress(self) -> None:
        if self._on_progress is None:
            return
        total = None
        if self._step_end is not None:
            later = sum(block.requests for blocks in self._blocks.values() for block in blocks) + self._rereading
            total = max(self._step_end, self._requests) + later
        self._on_progress(PullProgress(self._requests, total, self._values.oldest))


def _begin(
    connection: "sqlite3.Connection", service: str, profile: UserProfile, now: dt.datetime
) -> tuple[int, dt.datetime, bool]:
    """Note that a pull begins.

    Return its number, the time of what it reads, and whether the one before was interrupted, or it is the first one.
    """
    before = connection.execute("SELECT until FROM pull ORDER BY id DESC LIMIT 1").fetchone()
    number = rows.begin_pull(connection, service, profile, now)
    return number, time_of_reading(connection, now), before in (None, (None,))


def _end(
    connection: "sqlite3.Connection",
    number: int,
    ended: dt.datetime,
    requests: int,
    values: ValueReader,
    report: PullReport | None,
    error: BaseException | None,
) -> None:
    """Note how a pull ended."""
    columns = (
        {}
        if report is None
        else {
            name: value
            for name, value in asdict(report).items()
            if name not in ("user", "requests", "new", "changed", "rereads_in")
        }
    )
    rows.end_pull(
        connection,
        number,
        ended,
        requests=requests,
        new=values.new,
        changed=values.changed,
        error=None if error is None else f"{type(error).__name__}: {error}",
        **columns,
    )


def _put_attributes(connection: "sqlite3.Connection", listed: Sequence[Attribute], now: dt.datetime) -> None:
    """Store the attributes. The values of those that have another type now have to be read again."""
    before = dict(connection.execute("SELECT name, value_type FROM attribute"))
    rows.put_attributes(connection, listed, now)
    types = [(one.name, before.get(one.name), one.value_type) for one in listed]
    forget_coverage(connection, [name for name, old, new in types if None not in (old, new) and old != new])


def _oldest_day(connection: "sqlite3.Connection") -> dt.date | None:
    """Return the first day that has a value."""
    (day,) = connection.execute("SELECT min(date) FROM day").fetchone()
    return None if day is None else dt.date.fromisoformat(day)
