"""The sandbox on a loopback socket."""

import asyncio
import logging
import signal
import socket
import time

import httpx
import pytest

from exist_async.sandbox.server import _bind

MOOD = [{"template": "mood"}]


def client(url, sandbox):
    return httpx.AsyncClient(base_url=f"{url}/api/2/", headers={"Authorization": f"Bearer {sandbox.token}"})


async def test_it_answers_on_a_free_port_and_again_when_served_twice(sandbox):
    for _ in range(2):
        async with sandbox.serve() as url, client(url, sandbox) as exist:
            assert url.startswith("http://127.0.0.1:")
            assert (await exist.post("attributes/acquire/", json=MOOD)).status_code == 200
        with pytest.raises(httpx.ConnectError):
            await httpx.AsyncClient().get(url)


async def test_it_can_be_served_at_two_ports_at_once(sandbox):
    async with (
        sandbox.serve() as one,
        sandbox.serve() as two,
        client(one, sandbox) as exist,
        client(two, sandbox) as same,
    ):
        await exist.post("attributes/acquire/", json=MOOD)
        assert (await same.get("attributes/owned/")).json()["count"] == 1


async def test_links_name_the_server(sandbox):
    async with sandbox.serve() as url, client(url, sandbox) as exist:
        assert (await exist.get("attributes/templates/")).json()["next"] == f"{url}/api/2/attributes/templates/?page=2"


async def test_it_stops_at_once_while_connections_are_kept_alive(sandbox):
    async with client("http://unused", sandbox) as exist, sandbox.serve() as url:
        for _ in range(3):
            await exist.get(f"{url}/api/2/attributes/")
        began = time.monotonic()

    # Kept alive they would be for a minute.
    assert time.monotonic() - began < 10


async def test_it_stops_soon_and_quietly_while_a_request_is_in_flight(sandbox, caplog):
    caplog.set_level(logging.WARNING)
    sandbox.latency = 60
    async with client("http://unused", sandbox) as exist:
        async with sandbox.serve() as url:
            waiting = asyncio.create_task(exist.get(f"{url}/api/2/attributes/"))
            async with asyncio.timeout(10):
                while not sandbox.requests:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            began = time.monotonic()

        assert time.monotonic() - began < 10
        with pytest.raises(httpx.TransportError):
            await waiting
    assert caplog.records == []


async def test_a_dropped_connection_is_closed_without_an_answer_and_the_others_live_on(sandbox, caplog):
    caplog.set_level(logging.WARNING)
    async with sandbox.serve() as url, client(url, sandbox) as exist, client(url, sandbox) as other:
        await other.get("attributes/")
        sandbox.fail_next(drop=True, when="after")

        with pytest.raises(httpx.RemoteProtocolError, match="Server disconnected without sending a response"):
            await exist.post("attributes/acquire/", json=MOOD)

        assert (await other.get("attributes/owned/")).json()["count"] == 1
        assert (await exist.get("attributes/owned/")).json()["count"] == 1
    assert caplog.records == []


async def test_a_request_that_is_broken_off_is_not_carried_out(sandbox, caplog):
    caplog.set_level(logging.WARNING)
    async with sandbox.serve() as url:
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        head = f"POST /api/2/attributes/acquire/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sandbox.token}\r\n"
        writer.write(f"{head}Content-Length: 500\r\n\r\n[".encode())
        async with asyncio.timeout(10):
            while not sandbox.requests:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        writer.close()
        await writer.wait_closed()

    assert [request.status for request in sandbox.requests] == [None]
    assert sandbox.user.attributes == []
    assert caplog.records == []


async def test_it_leaves_signals_and_logging_alone(sandbox):
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access")]
    before = [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async with sandbox.serve():
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers

    assert [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers] == before


async def test_an_error_in_the_block_comes_out_as_it_is(sandbox):
    with pytest.raises(KeyError, match="mine"):
        async with sandbox.serve():
            raise KeyError("mine")


async def test_a_cancelled_block_ends_the_server(sandbox):
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
def test_it_refuses_any_other_host_than_this_machine(sandbox, host):
    with pytest.raises(ValueError, match="must be a loopback address"):
        sandbox.serve(host)


async def test_localhost_is_the_loopback_address(sandbox):
    async with sandbox.serve("localhost") as url:
        assert url.startswith("http://127.0.0.1:")


async def test_it_speaks_ipv6(sandbox):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    async with sandbox.serve("::1") as url, client(url, sandbox) as exist:
        assert url.startswith("http://[::1]:")
        assert (await exist.get("attributes/")).status_code == 200
        sandbox.fail_next(drop=True)
        with pytest.raises(httpx.RemoteProtocolError):
            await exist.get("attributes/")


async def test_a_port_that_is_taken_is_an_os_error(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        async with sandbox.serve(port=taken.getsockname()[1]):
            pass


def test_answers_are_not_held_back_by_the_network_stack():
    # asyncio switches off Nagle's algorithm, which costs 40 ms an answer, on sockets that name their protocol alone.
    with _bind("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP
