"""The sandbox on a loopback socket."""

import asyncio
import errno
import logging
import signal
import socket
import time
from contextlib import AsyncExitStack

import httpx
import pytest

from exist_async.sandbox.server import _bind

MOOD = [{"template": "mood"}]


def new_client(url, sandbox):
    return httpx.AsyncClient(base_url=f"{url}/api/2/", headers={"Authorization": f"Bearer {sandbox.token}"})


async def test_a_sandbox_can_be_served_twice_in_a_row(sandbox):
    for _ in range(2):
        async with sandbox.serve() as url, new_client(url, sandbox) as exist:
            assert url.startswith("http://127.0.0.1:")
            assert (await exist.post("attributes/acquire/", json=MOOD)).status_code == 200
        with pytest.raises(httpx.ConnectError):
            await httpx.AsyncClient().get(url)


async def test_a_sandbox_can_be_served_on_two_ports_at_once(sandbox):
    async with (
        sandbox.serve() as one,
        sandbox.serve() as two,
        new_client(one, sandbox) as exist,
        new_client(two, sandbox) as same,
    ):
        await exist.post("attributes/acquire/", json=MOOD)
        assert (await same.get("attributes/owned/")).json()["count"] == 1


async def test_page_urls_contain_the_address_of_the_server(sandbox):
    async with sandbox.serve() as url, new_client(url, sandbox) as exist:
        assert (await exist.get("attributes/templates/")).json()["next"] == f"{url}/api/2/attributes/templates/?page=2"


async def test_the_server_stops_at_once_despite_idle_connections(sandbox):
    async with new_client("http://unused", sandbox) as exist, sandbox.serve() as url:
        for _ in range(3):
            await exist.get(f"{url}/api/2/attributes/")
        started = time.monotonic()

    # The keep-alive timeout is a minute.
    assert time.monotonic() - started < 10


async def test_the_server_stops_soon_and_logs_nothing_while_a_request_is_in_flight(sandbox, caplog):
    caplog.set_level(logging.WARNING)
    sandbox.latency = 60
    async with new_client("http://unused", sandbox) as exist:
        async with sandbox.serve() as url:
            waiting = asyncio.create_task(exist.get(f"{url}/api/2/attributes/"))
            async with asyncio.timeout(10):
                while not sandbox.requests:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            started = time.monotonic()

        assert time.monotonic() - started < 10
        with pytest.raises(httpx.TransportError):
            await waiting
    assert caplog.records == []


async def test_a_dropped_connection_is_closed_without_a_reply_and_others_stay_open(sandbox, caplog):
    caplog.set_level(logging.WARNING)
    async with sandbox.serve() as url, new_client(url, sandbox) as exist, new_client(url, sandbox) as other:
        await other.get("attributes/")
        sandbox.fail_next(drop=True, when="after")

        with pytest.raises(httpx.RemoteProtocolError, match="Server disconnected without sending a response"):
            await exist.post("attributes/acquire/", json=MOOD)

        assert (await other.get("attributes/owned/")).json()["count"] == 1
        assert (await exist.get("attributes/owned/")).json()["count"] == 1
    assert caplog.records == []


async def test_an_incomplete_request_is_not_carried_out(sandbox, caplog):
    caplog.set_level(logging.WARNING)
    async with sandbox.serve() as url:
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        head = (
            f"POST /api/2/attributes/acquire/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {sandbox.token}\r\n"
        )
        writer.write(f"{head}Content-Length: 500\r\n\r\n[".encode())
        async with asyncio.timeout(10):
            while not sandbox.requests:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        writer.close()
        await writer.wait_closed()

    assert [request.status for request in sandbox.requests] == [None]
    assert sandbox.user.attributes == []
    assert caplog.records == []


async def test_serving_changes_neither_signal_handlers_nor_logging(sandbox):
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access")]
    before = [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async with sandbox.serve():
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers

    assert [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers] == before


async def test_an_exception_in_the_block_propagates_unchanged(sandbox):
    with pytest.raises(KeyError, match="mine"):
        async with sandbox.serve():
            raise KeyError("mine")


async def test_cancelling_the_block_stops_the_server(sandbox):
    served = asyncio.get_running_loop().create_future()

    async def forever():
        async with sandbox.serve() as url:
            served.set_result(url)
            await asyncio.Event().wait()

    task = asyncio.create_task(forever())
    url = await served
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(httpx.ConnectError):
        await httpx.AsyncClient().get(url)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.10", "example.org", ""])
def test_only_loopback_hosts_are_accepted(sandbox, host):
    with pytest.raises(ValueError, match="must be a loopback address"):
        sandbox.serve(host)


async def test_localhost_is_the_loopback_address(sandbox):
    async with sandbox.serve("localhost") as url:
        assert url.startswith("http://127.0.0.1:")


async def test_ipv6_is_supported(sandbox):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    async with sandbox.serve("::1") as url, new_client(url, sandbox) as exist:
        assert url.startswith("http://[::1]:")
        assert (await exist.get("attributes/")).status_code == 200
        sandbox.fail_next(drop=True)
        with pytest.raises(httpx.RemoteProtocolError):
            await exist.get("attributes/")


async def test_a_port_in_use_raises_os_error(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        async with sandbox.serve(port=taken.getsockname()[1]):
            pass


async def test_of_two_servers_started_on_one_port_at_once_one_raises_os_error(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async with AsyncExitStack() as stack:
        # Both bind the port before either of them listens on it.
        starts = (stack.enter_async_context(sandbox.serve(port=port)) for _ in range(2))
        served, refused = await asyncio.gather(*starts, return_exceptions=True)

    assert served == f"http://127.0.0.1:{port}"
    assert isinstance(refused, OSError)
    assert refused.errno == errno.EADDRINUSE


def test_the_socket_has_nagles_algorithm_disabled():
    # asyncio disables Nagle's algorithm (40 ms for each reply) only on sockets with an explicit protocol.
    with _bind("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:80", "127.0.0.1.evil.test", "localhost.evil.test", "192.0.2.1", "["]
)
async def test_a_request_to_another_host_is_refused(sandbox, host):
    """DNS rebinding: a website's name with a loopback address."""
    async with sandbox.serve() as url, httpx.AsyncClient(base_url=url) as client:
        reply = await client.get("/", headers={"Host": host})

    assert (reply.status_code, reply.text.partition(":")[0]) == (421, "The sandbox is for this machine only")
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "sandbox.localhost", "127.0.0.1:8000", "127.1.2.3", "[::1]:9"]
)
async def test_every_name_of_this_machine_is_accepted(sandbox, host):
    async with sandbox.serve() as url, httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/", headers={"Host": host})).status_code == 200
