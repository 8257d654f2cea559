"""Faults of the bytes of an answer: too late, too few, too many, or not what HTTP says."""

import asyncio
import os
import time

import pytest
from faults.observe import Seen, get, quick
from faults.scripts import CHUNKED, EVE, endless, sending, stalling
from faults.server import OK, Talk, answer_to, serving, whole
from faults.wire import CALLS, SHORT, check_health, compare, compare_cells, run, see

from exist_async import NoAnswerError

pytestmark = pytest.mark.usefixtures("nothing_left")


async def test_a_service_that_never_answers_leaves_an_increment_unknown_and_done_once() -> None:
    await compare(10, {"": stalling(b"")}, timeout=SHORT)


TRICKLE = endless(OK + b"Content-Length: 100000\r\n\r\n", b" ", pause=0.02)


async def test_one_byte_after_another_does_not_keep_a_call_waiting() -> None:
    await compare(11, {"": TRICKLE}, timeout=SHORT)


async def test_no_further_attempt_at_a_trickle_begins_after_the_deadline() -> None:
    options = {"timeout": SHORT / 2, "deadline": SHORT, "max_retries": 1000}
    async with serving(TRICKLE) as server, quick(server.url, **options) as client:
        start = time.monotonic()
        with pytest.raises(NoAnswerError):
            await get(client)
        assert time.monotonic() - start < 10

    assert server.connections < 10


async def test_a_body_that_stalls_leaves_an_increment_unknown() -> None:
    await compare(12, {"": stalling(OK + b'Content-Length: 100\r\n\r\n{"')}, timeout=SHORT)


async def test_a_body_shorter_than_announced_leaves_an_increment_unknown() -> None:
    await compare(13, {"": sending(OK + b"Content-Length: 100\r\n\r\n" + EVE)})


async def answer_with_surplus(talk: Talk) -> None:
    await talk.send(whole(answer_to(await talk.applied())) + whole(EVE) * 3)
    await talk.hang_up_waited_for()


class AnswerThenMore:
    """A script that answers, and can say more when nobody asks."""

    talk: Talk

    async def __call__(self, talk: Talk) -> None:
        self.talk = talk
        await talk.send(whole(answer_to(await talk.applied())))
        await talk.hang_up_waited_for()

    def say_more(self) -> None:
        """Send past the loop, so that it lies before a client that had no turn yet to read it."""
        os.write(self.talk.writer.get_extra_info("socket").fileno(), whole(EVE))


@pytest.mark.parametrize("read_by_the_loop", [True, False])
async def test_bytes_after_an_answer_are_nobody_s_answer(read_by_the_loop: bool) -> None:
    seen: dict[str, dict[str, Seen]] = {kind: {} for kind in CALLS}
    for kind, call in CALLS.items():
        seen[kind][""] = await run(call, answer_with_surplus, 1)
        script = AnswerThenMore()
        async with serving(script, 1) as server, quick(server.url) as client:
            seen[kind]["later"] = await see(client, call, server)
            script.say_more()
            for _ in range(20 if read_by_the_loop else 0):
                await asyncio.sleep(0)
            await check_health(client, server)
            assert server.connections == 2
        no_content = b"HTTP/1.1 204 No Content\r\nContent-Length: %d\r\n\r\n%s" % (len(EVE), EVE)
        seen[kind]["a 204"] = await run(call, sending(no_content))

    compare_cells(14, seen)


async def test_json_that_breaks_off_is_asked_for_once_more() -> None:
    seen = await compare(15, {"": sending(OK + b"\r\n" + EVE[:9])})

    assert "application/json" in str(seen["get"][""].error)


async def test_chunks_that_are_none_leave_an_increment_unknown() -> None:
    await compare(
        16,
        {
            "cut": sending(CHUNKED + b"12\r\n" + EVE[:9]),
            "without an end": sending(CHUNKED + b"12\r\n" + EVE + b"\r\n"),
            "bad size": sending(CHUNKED + b"ZZ\r\n" + EVE),
            "2^64": sending(CHUNKED + b"10000000000000000\r\n" + EVE),
            "2^64 - 1": sending(CHUNKED + b"ffffffffffffffff\r\n" + EVE),
        },
    )


async def test_an_answer_whose_length_is_in_doubt_is_none() -> None:
    await compare(
        17,
        {
            "two alike": sending(OK + b"Content-Length: 18\r\nContent-Length: 18\r\n\r\n" + EVE),
            "two": sending(OK + b"Content-Length: 18\r\nContent-Length: 5\r\n\r\n" + EVE),
            "negative": sending(OK + b"Content-Length: -1\r\n\r\n" + EVE),
            "with chunks": sending(
                OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n" + EVE + b"\r\n0\r\n\r\n"
            ),
        },
    )


async def repeat_the_token(talk: Talk) -> None:
    request = await talk.applied()
    await talk.send(OK + b"X-Echo: %s\0\r\n\r\n" % request.headers["authorization"].encode())


async def repeat_the_request(talk: Talk) -> None:
    request = await talk.applied()
    await talk.send(request.headers["authorization"].encode() + b"\r\n\r\n")


async def test_what_is_no_http_is_an_error_and_no_crash() -> None:
    seen = await compare(
        18,
        {
            "garbage": sending(b"garbage\r\n\r\n"),
            "HTTP/0.9": sending(b"<html>welcome</html>"),
            "an echo": repeat_the_request,
            "the token with a NUL": repeat_the_token,
            "status abc": sending(b"HTTP/1.1 abc OK\r\n\r\n"),
            "000": sending(b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n"),
            "101": sending(b"HTTP/1.1 101 OK\r\nUpgrade: chat\r\nConnection: upgrade\r\n\r\n"),
            "999": sending(b"HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n"),
        },
        once=False,
    )

    assert "garbage" not in str(seen["get"]["garbage"].error)  # nor anything else of the bytes that came


async def test_a_request_to_go_on_for_ever_ends_with_the_timeout() -> None:
    await compare(19, {"": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 20)}, timeout=SHORT)


async def test_headers_are_bounded() -> None:
    numbered = b"".join(b"X-%d: a\r\n" % n for n in range(5_000))
    await compare(
        20,
        {
            "one of 200 kB": sending(OK + b"X: %s\r\n" % (b"a" * 200_000) + b"Content-Length: 18\r\n\r\n" + EVE),
            "5,000": sending(OK + numbered + b"Content-Length: 18\r\n\r\n" + EVE),
            "one endless": endless(OK + b"X: ", b"a" * 10_000),
            "endlessly many": endless(OK, b"X: a\r\n" * 1_000),
        },
    )


async def redirect_to_the_token(talk: Talk) -> None:
    request = await talk.request()
    token = request.headers["authorization"].removeprefix("Bearer ")
    await talk.send(f"HTTP/1.1 302 Found\r\nLocation: http://a:{token}/\r\nContent-Length: 0\r\n\r\n".encode())


async def test_where_a_redirect_leads_is_not_even_read() -> None:
    seen = await run(get, redirect_to_the_token)

    assert str(seen) == "StatusError after 1 attempt"
    assert "302: a redirect, which is never followed" in str(seen.error)
