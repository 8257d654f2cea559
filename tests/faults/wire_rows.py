"""Rows 1 to 24 and 55: what befalls connections, and the bytes on them."""

from faults.table import Row

_TWICE = "NoAnswerError after 2 attempts"
_THRICE = "NoAnswerError after 3 attempts"
_AGAIN = "answered at attempt 2"
_APPLIED_ONCE = "unknown after 1 attempt, applied 1"
_APPLIED_EACH_TIME = "unknown after 3 attempts, applied 3; once: answered at attempt 2, applied 2"
_UNREADABLE = "unknown after 2 attempts, applied 2; once: answered at attempt 2, applied 2"
_NOT_SENT = "not_sent after 3 attempts, applied 0; once: answered at attempt 2, applied 1"

ROWS: list[Row] = [
    Row(
        number=1,
        fault="the connection is refused",
        get=f"ConnectionFailedError after 3 attempts; once: {_AGAIN}",
        update=_NOT_SENT,
        increment=_NOT_SENT,
        test="test_connecting.py::test_a_refused_connection_is_tried_again_by_every_call",
    ),
    Row(
        number=2,
        fault="the service's name is not found",
        get=f"ConnectionFailedError after 3 attempts; once: {_AGAIN}",
        update=_NOT_SENT,
        increment=_NOT_SENT,
        test="test_connecting.py::test_a_name_that_is_not_found_is_looked_up_again_by_every_call",
    ),
    Row(
        number=3,
        fault="nobody answers when a connection is to be made",
        get=f"ConnectionFailedError after 3 attempts; once: {_AGAIN}",
        update=_NOT_SENT,
        increment=_NOT_SENT,
        test="test_connecting.py::test_a_connection_that_nobody_answers_is_given_up_and_tried_again_by_every_call",
    ),
    Row(
        number=4,
        fault="TLS: the certificate has expired, is for another host, or is nobody's; plain HTTP on a TLS port",
        get="ConnectionFailedError after 1 attempt",
        update="not_sent after 1 attempt, applied 0",
        increment="not_sent after 1 attempt, applied 0",
        test="test_tls.py::test_a_service_that_cannot_show_who_it_is_never_sees_the_token_and_is_asked_once",
    ),
    Row(
        number=5,
        fault="the connection is accepted, and reset",
        get=f"{_THRICE}; once: {_AGAIN}",
        update="unknown after 3 attempts, applied 0; once: answered at attempt 2, applied 1",
        increment="unknown after 1 attempt, applied 0",
        test="test_connecting.py::test_a_connection_that_is_reset_when_it_is_made_leaves_an_increment_unknown",
    ),
    Row(
        number=6,
        fault="the connection is accepted, and closed",
        get=f"{_THRICE}; once: {_AGAIN}",
        update="unknown after 3 attempts, applied 0; once: answered at attempt 2, applied 1",
        increment="unknown after 1 attempt, applied 0",
        test="test_connecting.py::test_a_connection_that_is_closed_when_it_is_made_leaves_an_increment_unknown",
    ),
    Row(
        number=7,
        fault="a reset after the request was carried out",
        get=f"{_THRICE}; once: {_AGAIN}",
        update=_APPLIED_EACH_TIME,
        increment=_APPLIED_ONCE,
        test="test_connecting.py::test_a_reset_after_the_request_was_carried_out_leaves_it_unknown_and_done_once",
    ),
    Row(
        number=8,
        fault="the connection is closed after the request was read",
        get=f"{_THRICE}; once: {_AGAIN}",
        update="unknown after 3 attempts, applied 0; once: answered at attempt 2, applied 1",
        increment="unknown after 1 attempt, applied 0",
        test="test_connecting.py::test_a_service_that_hangs_up_after_reading_leaves_an_increment_unknown",
    ),
    Row(
        number=9,
        fault="a reused connection is closed by the service",
        get=f"{_AGAIN}; while nobody used it: answered at attempt 1",
        update="answered at attempt 2, applied 1; while nobody used it: answered at attempt 1, applied 1",
        increment="unknown after 1 attempt, applied 0; while nobody used it: answered at attempt 1, applied 1",
        test="test_connecting.py::test_a_reused_connection_that_drops_is_not_used_again_behind_anybody_s_back",
    ),
    Row(
        number=10,
        fault="no answer ever comes",
        get=f"{_THRICE}; once: {_AGAIN}",
        update=_APPLIED_EACH_TIME,
        increment=_APPLIED_ONCE,
        test="test_framing.py::test_a_service_that_never_answers_leaves_an_increment_unknown_and_done_once",
    ),
    Row(
        number=11,
        fault="one byte comes after another, slowly and for ever",
        get=f"{_THRICE}; once: {_AGAIN}",
        update=_APPLIED_EACH_TIME,
        increment=_APPLIED_ONCE,
        test="test_framing.py::test_one_byte_after_another_does_not_keep_a_call_waiting",
    ),
    Row(
        number=12,
        fault="the body stalls",
        get=f"{_THRICE}; once: {_AGAIN}",
        update=_APPLIED_EACH_TIME,
        increment=_APPLIED_ONCE,
        test="test_framing.py::test_a_body_that_stalls_leaves_an_increment_unknown",
    ),
    Row(
        number=13,
        fault="the body is shorter than its Content-Length",
        get=f"{_THRICE}; once: {_AGAIN}",
        update=_APPLIED_EACH_TIME,
        increment=_APPLIED_ONCE,
        test="test_framing.py::test_a_body_shorter_than_announced_leaves_an_increment_unknown",
    ),
    Row(
        number=14,
        fault="more bytes than the answer has, shaped like another one; a 204 with a body",
        get=f"answered at attempt 1; a 204: {_THRICE}",
        update="answered at attempt 1, applied 1; a 204: unknown after 3 attempts, applied 3",
        increment="answered at attempt 1, applied 1; a 204: unknown after 1 attempt, applied 1",
        test="test_framing.py::test_bytes_after_an_answer_are_nobody_s_answer",
    ),
    Row(
        number=15,
        fault="no Content-Length, and the JSON breaks off",
        get=f"{_TWICE}; once: {_AGAIN}",
        update=_UNREADABLE,
        increment=_APPLIED_ONCE,
        test="test_framing.py::test_json_that_breaks_off_is_asked_for_once_more",
    ),
    Row(
        number=16,
        fault="chunks: cut, without an end, of a bad size, of 2^64 bytes",
        get=f"{_THRICE}; once: {_AGAIN}",
        update=_APPLIED_EACH_TIME,
        increment=_APPLIED_ONCE,
        test="test_framing.py::test_chunks_that_are_none_leave_an_increment_unknown",
    ),
    Row(
        number=17,
        fault="Content-Length: two, negative, together with chunks",
        get=f"{_THRICE}; once: {_AGAIN}",
        update=_APPLIED_EACH_TIME,
        increment=_APPLIED_ONCE,
        test="test_framing.py::test_an_answer_whose_length_is_in_doubt_is_none",
    ),
    Row(
        number=18,
        fault="garbage, HTTP/0.9, an echo of the request, the token with a NUL, status abc, 000, 101, 999",
        get=f"{_THRICE}; 000, 101: StatusError after 1 attempt; 999: ServerError after 1 attempt",
        update="unknown after 3 attempts, applied 3; 000, 101, 999: unknown after 1 attempt, applied 1",
        increment=_APPLIED_ONCE,
        test="test_framing.py::test_what_is_no_http_is_an_error_and_no_crash",
    ),
    Row(
        number=19,
        fault="100 Continue for ever",
        get=f"{_THRICE}; once: {_AGAIN}",
        update=_APPLIED_EACH_TIME,
        increment=_APPLIED_ONCE,
        test="test_framing.py::test_a_request_to_go_on_for_ever_ends_with_the_timeout",
    ),
    Row(
        number=20,
        fault="a header of 200 kB, 5,000 headers, endless ones",
        get=f"{_THRICE}; once: {_AGAIN}",
        update=_APPLIED_EACH_TIME,
        increment=_APPLIED_ONCE,
        test="test_framing.py::test_headers_are_bounded",
    ),
    Row(
        number=21,
        fault="the content encoding is bad, truncated, nested, unknown, the token itself",
        get=f"{_TWICE}; once: {_AGAIN}",
        update=_UNREADABLE,
        increment=_APPLIED_ONCE,
        test="test_contents.py::test_a_body_that_cannot_be_decoded_is_asked_for_once_more",
    ),
    Row(
        number=22,
        fault="a gzip bomb of 300 MB",
        get=f"{_TWICE}; once: {_AGAIN}",
        update=_UNREADABLE,
        increment=_APPLIED_ONCE,
        test="test_contents.py::test_a_gzip_bomb_takes_little_memory",
    ),
    Row(
        number=23,
        fault="an endless body: until the connection ends, chunked, announced",
        get=f"{_TWICE}; once: {_AGAIN}",
        update=_UNREADABLE,
        increment=_APPLIED_ONCE,
        test="test_contents.py::test_an_endless_body_ends_at_the_largest_size",
    ),
    Row(
        number=24,
        fault="a success of HTML, an empty one, a 204",
        get=f"{_TWICE}; once: {_AGAIN}",
        update=_UNREADABLE,
        increment=_APPLIED_ONCE,
        test="test_contents.py::test_a_success_that_is_no_json_says_what_it_is",
    ),
    Row(
        number=55,
        fault="an answer with a million entries for one item",
        get="answered at attempt 1",
        update=_UNREADABLE,
        increment=_APPLIED_ONCE,
        test="test_contents.py::test_an_answer_with_a_million_entries_is_not_read",
        more=("http/test_responses.py::test_a_reply_that_is_much_larger_than_the_answer_to_the_items_is_not_decoded",),
    ),
]


def row(number: int) -> Row:
    """Return the row of a fault."""
    return next(row for row in ROWS if row.number == number)
