"""Rows 25 to 42: a service that answers badly, and what befalls the caller, the clock and the places between."""

from faults.table import Row

ROWS: list[Row] = [
    Row(
        number=25,
        fault="429 with a Retry-After of 1, a date, none, 0, 1e9, rubbish",
        get="answered at attempt 2; longer than max_wait: RateLimitError after 1 attempt",
        update="answered at attempt 2, applied 1; longer than max_wait: not_sent after 1 attempt, applied 0",
        increment="answered at attempt 2, applied 1; longer than max_wait: not_sent after 1 attempt, applied 0",
        test="test_limits.py::test_a_429_is_waited_for_as_it_says_or_raised_at_once",
    ),
    Row(
        number=26,
        fault="429 to 50 who wait",
        get="answered at attempt 2",
        update="answered at attempt 2",
        increment="answered at attempt 2",
        test="test_limits.py::test_fifty_calls_that_wait_after_a_429_are_let_out_one_by_one_in_order",
    ),
    Row(
        number=27,
        fault="500, 502, 503, 504 once, and for ever",
        get="answered at attempt 2; for ever: ServerError after 3 attempts",
        update="answered at attempt 2, applied 1; carried out all the same: answered at attempt 2, applied 2; "
        "for ever: unknown after 3 attempts, applied 0",
        increment="unknown after 1 attempt, applied 0; carried out all the same: unknown after 1 attempt, applied 1",
        test="test_limits.py::test_a_service_that_fails_is_asked_again_where_that_is_harmless",
    ),
    Row(
        number=36,
        fault="cancelled at every await",
        get="stopped; the next: answered at attempt 1",
        update="finished, and told once: succeeded; the next: answered at attempt 1, applied 1",
        increment="finished, and told once: succeeded; the next: answered at attempt 1, applied 1",
        test="test_cancelling.py::test_a_call_that_is_cancelled_at_any_moment_harms_nothing",
    ),
    Row(
        number=42,
        fault="closed while a request is under way",
        get="answered late, never answered: ClientClosedError after 1 attempt; "
        "later: ClientClosedError after 0 attempts",
        update="answered late: answered at attempt 1, applied 1; "
        "never answered: unknown after 1 attempt, applied 1; later: not_sent after 0 attempts, applied 0",
        increment="answered late: answered at attempt 1, applied 1; "
        "never answered: unknown after 1 attempt, applied 1; later: not_sent after 0 attempts, applied 0",
        test="test_cancelling.py::test_closing_finishes_a_write_and_ends_a_read_and_later_calls_say_so",
    ),
]


def row(number: int) -> Row:
    """Return the row of a fault."""
    return next(row for row in ROWS if row.number == number)
