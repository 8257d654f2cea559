"""The windows of days that were read longest ago, which the next pull reads again."""

import datetime as dt
from collections.abc import Iterable, Iterator

from exist_async.mirror.coverage import ONE_DAY, Coverage
from exist_async.values.history_plan import Span
from exist_async.values.requests import MOST_DAYS


def rotation_windows(span: Span) -> Iterator[Span]:
    """Yield the windows of a span, the newest first. Windows begin on the same days, whatever the span is."""
    end = span.end
    while end >= span.start:
        start = dt.date.fromordinal(max(span.start.toordinal(), _number(end) * MOST_DAYS))
        yield Span(start, end)
        if start == span.start:
            return
        end = start - ONE_DAY


def oldest_windows(
    coverage: Coverage, names: Iterable[str], span: Span, count: int, *, before: dt.datetime
) -> list[Span]:
    """Return the windows of a span whose values of some attributes were read longest ago, the newest days first.

    A window is as old as the value in it that was read first; of equally old ones, the newest days count as older.
    Windows that follow each other are joined.

    Args:
        coverage: The days of each attribute that have been read, and the times of reading.
        names: The attributes.
        span: The days.
        count: The most windows to return.
        before: Windows that were read at this time, or later, are left out.
    """
    read_at: dict[int, dt.datetime] = {}
    for name in names:
        for covered in coverage.get(name, ()):
            start, end = max(covered.span.start, span.start), min(covered.span.end, span.end)
            if start <= end:
                for number in range(_number(start), _number(end) + 1):
                    read_at[number] = min(read_at.get(number, covered.read_at), covered.read_at)
    windows = [window for window in rotation_windows(span) if read_at.get(_number(window.end), before) < before]
    oldest = sorted(windows, key=lambda window: read_at[_number(window.end)])[:count]
    joined: list[Span] = []
    for window in sorted(oldest, key=lambda window: window.end, reverse=True):
        if joined and joined[-1].start - ONE_DAY == window.end:
            joined[-1] = Span(window.start, joined[-1].end)
        else:
            joined.append(window)
    return joined


def _number(day: dt.date) -> int:
    return day.toordinal() // MOST_DAYS
