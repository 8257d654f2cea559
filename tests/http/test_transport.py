"""The own transport, on real sockets: what it keeps, what it drops, and how exactly it says what failed."""

import asyncio
import gzip
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from exist_async import (
    ClientClosedError,
    ConnectionFailedError,
    ExistClient,
    NoAnswerError,
    OutcomeUnknownError,
)
from exist_async.sandbox import Sandbox
from support import until

RawServer = Callable[[Any], Any]

SECRET = "s3cr3t-t0ken"
PROFILE = b'{"username": "ada"}'
HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ANSWER = HEADERS + b"Content-Length: %d\r\n\r\n" % len(PROFILE) + PROFILE


def assert_no_secret_in(error: BaseException | None) -> None:
    while error is not None:
        for secret in [SECRET, "hunter2"]:
            assert secret not in f"{error!r} {error}"
        error = error.__cause__ or error.__context__


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.partition(b":")[2]))
    return head


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else is given meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def increment(client: ExistClient) -> Any:
    return await client.request("POST", "attributes/increment/", json=[{"name": "coffees", "value": 1}])


def quick(url: str, **options: Any) -> ExistClient:
    return ExistClient(SECRET, base_url=url, **({"max_retries": 0, "fraction": lambda: 0.0} | options))


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[ExistClient, None]:
    """A client with little patience whose connection is open, so that its timeout does not pass while it connects."""
    async with quick(url) as client:
        await client.profile.get()
        yield client.with_options(timeout=0.3)


async def test_a_refused_connection_means_that_nothing_was_sent(closed_port: int) -> None:
    async with quick(f"http://127.0.0.1:{closed_port}", max_retries=2) as client:
        with pytest.raises(ConnectionFailedError, match="nothing was sent"):
            await increment(client)


async def test_an_unknown_host_means_that_nothing_was_sent() -> None:
    async with quick("https://no-such-host.invalid") as client:
        with pytest.raises(ConnectionFailedError, match="no-such-host"):
            await client.profile.get()


async def test_plain_http_on_a_tls_port_fails_before_anything_is_sent(raw_server: RawServer) -> None:
    connections = 0

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(100)
        writer.write(ANSWER)
        await writer.drain()

    async with raw_server(plain) as url, quick(url.replace("http:", "https:"), max_retries=2) as client:
        with pytest.raises(ConnectionFailedError, match=r"(?i)ssl"):
            await increment(client)

    assert connections == 1  # a wrong certificate or protocol gets no better by asking again


async def test_hanging_up_after_reading_leaves_a_write_unknown_and_is_done_once(raw_server: RawServer) -> None:
    received = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        await read_request(reader)
        received += 1

    async with raw_server(hang_up) as url, quick(url, max_retries=2) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await increment(client)
        assert received == 1
        with pytest.raises(NoAnswerError):
            await client.profile.get()

    assert received == 1 + 3
    assert not caught.value.repeatable


async def test_a_dropped_reused_connection_is_not_used_again_behind_the_session_s_back(raw_server: RawServer) -> None:
    received = 0

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        await read_request(reader)
        received += 1
        writer.write(ANSWER)
        await writer.drain()
        await read_request(reader)
        received += 1

    async with raw_server(answer_once) as url, quick(url) as client:
        await client.profile.get()
        with pytest.raises(NoAnswerError):
            await client.profile.get()

    assert received == 2


async def test_a_server_that_never_answers_times_out_as_sent(raw_server: RawServer) -> None:
    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(ANSWER)
        await reader.read()

    async with raw_server(answer_once) as url, connected(url) as client:
        with pytest.raises(OutcomeUnknownError):
            await increment(client)


async def test_the_timeout_is_for_the_whole_answer_and_not_for_each_byte(raw_server: RawServer) -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(ANSWER)
        await read_request(reader)
        writer.write(HEADERS + b"Content-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with raw_server(trickle) as url, connected(url) as client:
        with pytest.raises(NoAnswerError):
            await asyncio.wait_for(client.profile.get(), 10)


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        HEADERS + b'\r\n{"username": "a',
        HEADERS + b"Content-Length: 0\r\n\r\n",
        HEADERS + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n{}",
    ],
)
async def test_an_answer_that_is_no_answer_leaves_a_write_unknown(raw_server: RawServer, answer: bytes) -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()

    async with raw_server(broken) as url, quick(url) as client:
        with pytest.raises(OutcomeUnknownError) as write:
            await increment(client)
        with pytest.raises(NoAnswerError) as read:
            await client.profile.get()

    assert_no_secret_in(write.value)
    assert_no_secret_in(read.value)


async def test_a_compressed_answer_is_read(raw_server: RawServer) -> None:
    async def compressed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        body = gzip.compress(PROFILE)
        writer.write(HEADERS + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async with raw_server(compressed) as url, quick(url) as client:
        assert (await client.profile.get()).username == "ada"


async def test_bytes_after_an_answer_are_nobody_else_s_answer(raw_server: RawServer) -> None:
    async def surplus(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(ANSWER + ANSWER.replace(b"ada", b"eve"))
        await writer.drain()
        while await reader.read(1000):
            writer.write(ANSWER)

    async with raw_server(surplus) as url, quick(url) as client:
        assert [(await client.profile.get()).username for _ in range(3)] == ["ada", "ada", "ada"]


async def test_what_is_sent_is_what_a_server_expects(raw_server: RawServer) -> None:
    requests: list[bytes] = []

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            requests.append(await read_request(reader))
            writer.write(ANSWER.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n"))
            await writer.drain()

    async with raw_server(record) as url, quick(url) as client:
        await increment(client)
        await client.profile.get()

    head, _, body = requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /api/2/attributes/increment/ HTTP/1.1"
    assert "content-type: application/json" in lines
    assert f"authorization: Bearer {SECRET}" in lines
    assert len([line for line in lines if line.lower().startswith(("content-length:", "host:", "user-agent:"))]) == 3
    assert body == b'[{"name":"coffees","value":1}]'
    assert b"cookie" not in requests[1].lower()


async def test_no_more_connections_are_opened_than_allowed(raw_server: RawServer) -> None:
    opened = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while await read_request(reader):
            await asyncio.sleep(0.01)
            writer.write(ANSWER)

    async with raw_server(count) as url, quick(url, max_connections=3) as client:
        await asyncio.gather(*(client.profile.get() for _ in range(20)))

    assert opened == 3


async def test_waiting_for_a_connection_ends_as_not_sent(raw_server: RawServer) -> None:
    received = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        received.set()
        await reader.read()

    async with raw_server(silent) as url, quick(url, max_connections=1, timeout=0.2) as client:
        first = asyncio.create_task(client.with_options(timeout=30.0).profile.get())
        await received.wait()
        with pytest.raises(ConnectionFailedError, match="no connection became free in time"):
            await increment(client)
        first.cancel()


async def test_cancelled_callers_leave_the_pool_in_good_health(sandbox: Sandbox) -> None:
    sandbox.issue_token(token=SECRET)
    sandbox.latency = 60
    async with sandbox.serve() as url, quick(url, max_connections=4) as client:
        for n in range(60):
            task = asyncio.create_task(client.profile.get())
            await asyncio.sleep(0.0005 * (n % 7))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        sandbox.latency = 0.0
        await asyncio.wait_for(asyncio.gather(*(client.profile.get() for _ in range(8))), 20)


async def test_calls_under_way_end_when_the_client_is_closed_and_later_ones_say_so(sandbox: Sandbox) -> None:
    sandbox.issue_token(token=SECRET)
    sandbox.latency = 60
    async with sandbox.serve() as url:
        client = quick(url, timeout=0.3)
        # Closing is what ends them, and not a timeout of their own.
        patient = client.with_options(timeout=60)
        read = asyncio.create_task(patient.profile.get())
        write = asyncio.create_task(increment(patient))
        await until(lambda: len(sandbox.requests) == 2)
        await client.aclose()

        with pytest.raises(ClientClosedError):
            await read
        with pytest.raises(OutcomeUnknownError):
            await write
        with pytest.raises(ClientClosedError):
            await client.profile.get()


def test_one_client_serves_one_event_loop_after_another(sandbox: Sandbox) -> None:
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with sandbox.serve() as url:
            urls.append(url)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    try:
        client = ExistClient(sandbox.token, base_url=urls[0])

        async def once() -> str:
            return (await client.profile.get()).username

        assert [asyncio.run(once()) for _ in range(3)] == ["ada", "ada", "ada"]
        asyncio.run(client.aclose())
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


async def test_a_proxy_is_used_and_its_refusal_means_that_nothing_was_sent(raw_server: RawServer) -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with (
        raw_server(refuse) as proxy,
        quick("https://exist.io", proxy=proxy.replace("//", "//ada:hunter2@")) as client,
    ):
        with pytest.raises(ConnectionFailedError, match="407") as caught:
            await increment(client)

    assert asked[0].startswith(b"CONNECT exist.io:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic YWRhOmh1bnRlcjI=" in asked[0]
    assert SECRET.encode() not in asked[0]
    assert_no_secret_in(caught.value)


async def test_a_proxy_without_a_password_gets_no_credentials(raw_server: RawServer) -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        writer.write(ANSWER)
        await writer.drain()

    async with raw_server(proxy) as proxy_url, quick("http://127.0.0.1:9", proxy=proxy_url) as client:
        assert (await client.profile.get()).username == "ada"

    assert asked[0].startswith(b"GET http://127.0.0.1:9/api/2/accounts/profile/ HTTP/1.1\r\n")
    assert b"proxy-authorization" not in asked[0].lower()


@pytest.mark.parametrize(
    ("variables", "trust_env", "through_the_proxy"),
    [
        ({"HTTPS_PROXY": "{proxy}"}, True, True),
        ({"https_proxy": "{proxy}"}, True, True),
        ({"ALL_PROXY": "{proxy}"}, True, True),
        ({"HTTP_PROXY": "{proxy}"}, True, False),
        ({"HTTPS_PROXY": "{proxy}", "NO_PROXY": "invalid"}, True, False),
        ({"HTTPS_PROXY": "{proxy}", "NO_PROXY": "*"}, True, False),
        ({"HTTPS_PROXY": "{proxy}"}, False, False),
    ],
)
async def test_the_environment_s_proxies_count_as_httpx_users_expect(
    raw_server: RawServer,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    trust_env: bool,
    through_the_proxy: bool,
) -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with raw_server(proxy) as proxy_url:
        for name, value in variables.items():
            monkeypatch.setenv(name, value.format(proxy=proxy_url.replace("//", "//ada:hunter2@")))
        async with quick("https://no-such-host.invalid", trust_env=trust_env) as client:
            with pytest.raises(ConnectionFailedError):
                await client.profile.get()

    assert bool(asked) is through_the_proxy
    if asked:
        assert b"Proxy-Authorization: Basic YWRhOmh1bnRlcjI=" in asked[0]


async def test_this_machine_is_reached_without_the_environment_s_proxy(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port}")

    async with sandbox.serve() as url, ExistClient(sandbox.token, base_url=url) as client:
        assert (await client.profile.get()).username == "ada"


async def test_a_proxy_that_was_asked_for_is_used_for_plain_http_too(raw_server: RawServer) -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        writer.write(ANSWER)
        await writer.drain()

    async with raw_server(proxy) as proxy_url:
        with_password = proxy_url.replace("//", "//ada:hunter2@")
        async with quick("http://127.0.0.1:9", proxy=with_password) as client:
            assert (await client.profile.get()).username == "ada"

    assert asked[0].startswith(b"GET http://127.0.0.1:9/api/2/accounts/profile/ HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic YWRhOmh1bnRlcjI=" in asked[0]


@pytest.mark.slow
def test_aiohttp_is_imported_beside_the_event_loop_and_not_in_it() -> None:
    """In a fresh process, since what is imported once stays imported."""
    code = """
import asyncio, sys, threading
from importlib.abc import MetaPathFinder
from exist_async import ExistClient, ConnectionFailedError
threads = []
class Watching(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "aiohttp":
            threads.append(threading.current_thread() is threading.main_thread())
sys.meta_path.insert(0, Watching())
async def main():
    async with ExistClient("token", base_url="http://127.0.0.1:9", max_retries=0) as client:
        try:
            await client.profile.get()
        except ConnectionFailedError:
            pass
asyncio.run(main())
print(threads)
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[False]"


def test_a_module_level_client_needs_no_event_loop() -> None:
    assert isinstance(ExistClient("token"), ExistClient)


async def test_an_own_client_keeps_no_cookies(sandbox: Sandbox) -> None:
    sandbox.issue_token(token=SECRET)
    sandbox.fail_next(status=200, json={"username": "eve"}, headers={"Set-Cookie": "session=1"})
    async with sandbox.serve() as url, quick(url) as client:
        await client.profile.get()

        assert list(client._session._pool._http.cookies.jar) == []
        assert isinstance(client._session._pool._http, httpx.AsyncClient)


async def test_certificates_that_cannot_be_read_fail_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")

    async with quick("https://exist.io") as client:
        with pytest.raises(ConnectionFailedError, match="SSL_CERT_FILE"):
            await increment(client)


async def test_closing_during_the_very_first_request_sends_nothing_and_leaves_nothing(sandbox: Sandbox) -> None:
    async with sandbox.serve() as url:
        client = quick(url)
        write = asyncio.create_task(client.attributes.acquire(["steps"]))
        await asyncio.sleep(0)
        await client.aclose()

        with pytest.raises(ClientClosedError) as caught:
            await write

    assert caught.value.result is not None
    assert len(caught.value.result.not_sent) == 1
    assert sandbox.requests == []
    assert client._session._pool._http._transport._pools == {}


async def test_closing_while_a_name_is_looked_up_is_no_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = asyncio.Event()

    async def never(*_: Any, **__: Any) -> Any:
        looked_up.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    client = quick("https://exist.example", trust_env=False, timeout=0.3)
    write = asyncio.create_task(client.attributes.acquire(["steps"]))
    await looked_up.wait()
    await client.aclose()

    with pytest.raises(ClientClosedError) as caught:
        await write
    assert caught.value.result is not None
    assert len(caught.value.result.not_sent) == 1


async def test_closing_ends_a_read_whose_name_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = asyncio.Event()

    async def never(*_: Any, **__: Any) -> Any:
        looked_up.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    client = quick("https://exist.example", trust_env=False)
    read = asyncio.create_task(client.profile.get())
    await looked_up.wait()
    await client.aclose()

    with pytest.raises(ClientClosedError, match="the client was closed before an answer came"):
        await read


async def test_closing_from_another_loop_ends_what_is_under_way_there(sandbox: Sandbox) -> None:
    sandbox.issue_token(token=SECRET)
    sandbox.latency = 60
    outcome: list[Exception] = []
    async with sandbox.serve() as url:
        client = quick(url)

        async def elsewhere() -> None:
            with pytest.raises(ClientClosedError) as caught:
                await client.profile.get()
            outcome.append(caught.value)

        thread = threading.Thread(target=asyncio.run, args=(elsewhere(),))
        thread.start()
        await until(lambda: sandbox.requests)
        await client.aclose()
        await asyncio.to_thread(thread.join, 30)

    assert len(outcome) == 1


async def test_closing_ends_what_waits_for_a_connection_without_sending_it(raw_server: RawServer) -> None:
    received = 0
    first = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        while True:
            await read_request(reader)
            received += 1
            first.set()
            await asyncio.sleep(0.1)
            writer.write(ANSWER)
            await writer.drain()

    async with raw_server(slow) as url:
        client = quick(url, max_connections=1)
        calls = [asyncio.create_task(increment(client)) for _ in range(3)]
        await first.wait()
        await client.aclose()
        results = await asyncio.gather(*calls, return_exceptions=True)

    assert received == 1
    assert Counter(map(type, results)) == {dict: 1, ClientClosedError: 2}
