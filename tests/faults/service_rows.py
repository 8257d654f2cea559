"""Rows 25 to 53: a service that answers badly, and what befalls the caller, the clock and the places between.

Those that are missing are in situations.py."""

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
        number=28,
        fault="401 to 20 requests at once, in 3 processes",
        get="answered at attempt 2",
        update="answered at attempt 2",
        increment="answered at attempt 2",
        test="test_tokens.py::test_a_401_to_calls_of_three_processes_at_once_is_renewed_once_and_all_go_on",
    ),
    Row(
        number=29,
        fault="the answer to a refresh is lost, or a 500, or nobody waits for it any more",
        get="the question lost, 500, cancelled: answered at attempt 2; "
        "the answer lost, 500 and carried out: ReauthorizationRequired after 1 attempt",
        update="the question lost, 500, cancelled: answered at attempt 2, applied 1; "
        "the answer lost, 500 and carried out: not_sent after 1 attempt, applied 0",
        increment="the question lost, 500, cancelled: answered at attempt 2, applied 1; "
        "the answer lost, 500 and carried out: not_sent after 1 attempt, applied 0",
        test="test_tokens.py::test_a_refresh_whose_answer_is_lost_ends_in_signing_in_again_and_nothing_is_carried_out",
    ),
    Row(
        number=30,
        fault="killed between refresh and store",
        get="ReauthorizationRequired after 1 attempt; signed in again: answered at attempt 1",
        update="not_sent after 1 attempt, applied 0; signed in again: answered at attempt 1, applied 1",
        increment="not_sent after 1 attempt, applied 0; signed in again: answered at attempt 1, applied 1",
        test="test_tokens.py::test_a_process_killed_between_refresh_and_store_leaves_a_user_who_signs_in_again",
    ),
    Row(
        number=31,
        fault="401 after a refresh",
        get="AuthenticationError after 2 attempts",
        update="refused after 2 attempts, applied 0",
        increment="refused after 2 attempts, applied 0",
        test="test_tokens.py::test_a_401_after_a_renewal_is_the_caller_s_and_no_loop",
    ),
    Row(
        number=32,
        fault="redirect to another host, and from https to http",
        get="StatusError after 1 attempt",
        update="refused after 1 attempt, applied 0",
        increment="refused after 1 attempt, applied 0",
        test="test_listings.py::test_a_redirect_is_an_error_and_nothing_goes_to_the_other_host",
    ),
    Row(
        number=33,
        fault="`next` to another host, http, with userinfo, to itself, relative; a million pages; repeated items",
        get="3 results in 3 requests; without end: NoAnswerError",
        update="-",
        increment="-",
        test="test_listings.py::test_what_next_says_is_never_asked_and_a_listing_goes_on_by_its_pages_numbers",
    ),
    Row(
        number=34,
        fault="other items than were sent, fewer, or reordered",
        get="answered at attempt 1",
        update="reordered: answered at attempt 1, applied 3; "
        "fewer, of other names: 2 succeeded, 1 unknown after 1 attempt, applied 3",
        increment="reordered: answered at attempt 1, applied 3; "
        "fewer, of other names: 2 succeeded, 1 unknown after 1 attempt, applied 3",
        test="test_listings.py::test_items_that_come_back_in_another_order_or_not_at_all_are_matched_or_unknown",
    ),
    Row(
        number=35,
        fault="Set-Cookie",
        get="answered at attempt 1",
        update="answered at attempt 1",
        increment="answered at attempt 1",
        test="test_listings.py::test_a_cookie_is_never_sent_back",
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
        number=37,
        fault="1,000 calls, 10 connections, random faults",
        get="an answer, or an error of this package",
        update="each once, twice or thrice if succeeded; others if unknown",
        increment="applied = succeeded + 0…unknown",
        test="test_many.py::test_a_thousand_calls_on_ten_connections_lose_nothing_and_count_nothing_twice",
    ),
    Row(
        number=38,
        fault="a second event loop, a thread, a fork",
        get="answered at attempt 1",
        update="answered at attempt 1",
        increment="answered at attempt 1",
        test="test_places.py::test_one_client_works_on_several_loops_in_several_threads_and_on_both_sides_of_a_fork",
    ),
    Row(
        number=39,
        fault="Redis down, slow, flushed",
        get="down, slow: RateLimitError after 0 attempts; "
        "down and going on, flushed, slow and going on: answered at attempt 1",
        update="down, slow: not_sent after 0 attempts, applied 0; "
        "down and going on, flushed, slow and going on: answered at attempt 1, applied 1",
        increment="down, slow: not_sent after 0 attempts, applied 0; "
        "down and going on, flushed, slow and going on: answered at attempt 1, applied 1",
        test="test_places.py::test_a_redis_in_trouble_stops_calls_or_lets_them_go_on_and_nothing_hangs",
    ),
    Row(
        number=40,
        fault="a clock jumps an hour",
        get="the date, ahead, the steady clock: answered at attempt 2; "
        "the date, behind: RateLimitError after 1 attempt; "
        "the steady clock, with a deadline: DeadlineExceededError after 1 attempt; "
        "a budget in a file, ahead: answered at attempt 1; a budget in a file, behind: RateLimitError after 0 attempts",
        update="the date, ahead, the steady clock: answered at attempt 2, applied 1; "
        "the date, behind, the steady clock, with a deadline: not_sent after 1 attempt, applied 0; "
        "a budget in a file, ahead: answered at attempt 1, applied 1; "
        "a budget in a file, behind: not_sent after 0 attempts, applied 0",
        increment="the date, ahead, the steady clock: answered at attempt 2, applied 1; "
        "the date, behind, the steady clock, with a deadline: not_sent after 1 attempt, applied 0; "
        "a budget in a file, ahead: answered at attempt 1, applied 1; "
        "a budget in a file, behind: not_sent after 0 attempts, applied 0",
        test="test_places.py::test_a_clock_that_jumps_an_hour_makes_nothing_wait_for_an_hour",
    ),
    Row(
        number=41,
        fault="a proxy that answers 407, 502",
        get="CONNECT answered with 407, CONNECT answered with 502: ConnectionFailedError after 3 attempts; "
        "without a tunnel 407: StatusError after 1 attempt; without a tunnel 502: ServerError after 3 attempts",
        update="CONNECT answered with 407, CONNECT answered with 502: not_sent after 3 attempts; "
        "without a tunnel 407: refused after 1 attempt; without a tunnel 502: unknown after 3 attempts",
        increment="CONNECT answered with 407, CONNECT answered with 502: not_sent after 3 attempts; "
        "without a tunnel 407: refused after 1 attempt; without a tunnel 502: unknown after 1 attempt",
        test="test_proxies.py::test_a_proxy_that_refuses_a_tunnel_is_asked_again_and_never_sees_the_token",
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
    Row(
        number=43,
        fault="a page in the middle of a listing is missing: a proxy's 404, the service's own, an empty page",
        get="6 results in 4 requests; twice: NoAnswerError",
        update="-",
        increment="-",
        test="test_listings.py::test_a_page_in_the_middle_that_is_missing_is_requested_again_and_never_the_end",
    ),
    Row(
        number=44,
        fault="the first attempt is carried out late, after a later value of the same day was sent or given",
        get="-",
        update="both in one call: 1 superseded, 1 succeeded after 2 attempts, applied 2; "
        "the caller hung up and gives the later one: answered at attempt 1",
        increment="the first: unknown after 1 attempt; "
        "the later one, the caller hung up and gives the later one: answered at attempt 1",
        test="test_late.py::test_an_update_that_is_carried_out_late_overwrites_no_later_value_of_its_day",
        more=(
            "test_late.py::test_increments_that_are_carried_out_late_all_count",
            "batch/test_cancellation.py::test_the_next_write_of_a_day_waits_for_one_whose_caller_was_cancelled",
            "values/test_superseded.py::test_only_the_last_row_of_a_day_takes_room_in_a_request",
        ),
    ),
    Row(
        number=45,
        fault="300 calls without a network; callers who hang up before they have a connection",
        get="ConnectionFailedError, 300 of 300 requests left; hung up: all left but the one that was sent",
        update="not_sent, 300 of 300 requests left; hung up: all left but the one that was sent",
        increment="not_sent, 300 of 300 requests left; hung up: all left but the one that was sent",
        test="test_budgets.py::test_requests_that_were_not_sent_take_nothing_from_the_hourly_budget",
        more=("rate_limits/test_requests.py::test_requests_that_found_no_service_cost_nothing",),
    ),
    Row(
        number=46,
        fault="requests arrive up to 100 ms late at a service with an exact window",
        get="answered at attempt 1",
        update="answered at attempt 1",
        increment="answered at attempt 1",
        test="test_budgets.py::test_a_service_with_an_exact_window_refuses_no_call",
        more=(
            "rate_limits/test_requests.py::test_a_service_with_an_exact_window_refuses_none_of_a_client_that_is_alone",
            "rate_limits/test_processes.py::test_a_service_with_an_exact_window_refuses_none_of_four_clients",
        ),
    ),
    Row(
        number=47,
        fault="429 without a usable Retry-After: none, 0, past, rubbish; eight times, and for ever",
        get="answered at attempt 9; for ever: RateLimitError after 11 attempts",
        update="answered at attempt 9, applied 1; for ever: not_sent after 11 attempts, applied 0",
        increment="answered at attempt 9, applied 1; for ever: not_sent after 11 attempts, applied 0",
        test="test_limits.py::test_a_429_that_does_not_say_how_long_is_asked_again_until_max_wait_is_used_up",
    ),
    Row(
        number=49,
        fault="closed while the renewal of a token waits for its lock",
        get="ClientClosedError after 1 attempt; the next client: answered at attempt 2",
        update="not_sent after 1 attempt, applied 0; the next client: answered at attempt 2, applied 1",
        increment="not_sent after 1 attempt, applied 0; the next client: answered at attempt 2, applied 1",
        test="test_tokens.py::test_closing_the_client_ends_a_renewal_that_waits_for_its_lock",
        more=(
            "oauth/test_losses.py::test_closing_the_client_ends_a_renewal_that_waits_for_its_lock_and_nobody_waits_for",
            "oauth/test_losses.py::test_closing_one_client_leaves_a_renewal_to_the_calls_of_another",
        ),
    ),
    Row(
        number=52,
        fault="the slow calls of another user fill all connections",
        get="answered at attempt 1",
        update="answered at attempt 1, applied 1",
        increment="answered at attempt 1, applied 1",
        test="test_users.py::test_a_call_gets_the_next_connection_however_many_calls_another_user_has",
        more=("http/test_fair_queue.py::test_slow_calls_of_one_user_slow_down_no_other_user",),
    ),
    Row(
        number=53,
        fault="another process has locked the SQLite file of the budget",
        get="RateLimitError after 0 attempts; another file: answered at attempt 1",
        update="not_sent after 0 attempts, applied 0; another file: answered at attempt 1, applied 1",
        increment="not_sent after 0 attempts, applied 0; another file: answered at attempt 1, applied 1",
        test="test_budgets.py::test_a_locked_file_stops_the_calls_that_need_it_together_and_no_others",
        more=(
            "rate_limits/test_sqlite.py::test_a_locked_file_delays_nobody_else_and_one_failure_answers_all_who_wait",
        ),
    ),
]


def row(number: int) -> Row:
    """Return the row of a fault."""
    return next(row for row in ROWS if row.number == number)
