"""The local server that receives the browser's callback."""

import asyncio
import errno
import os
import socket
from typing import Any

import httpx
import pytest

from exist_async.cli.callback_server import serve_redirect_uri
from exist_async.errors import ConfigurationError


async def test_only_the_first_callback_is_accepted(redirect_uri: str) -> None:
    async with (
        serve_redirect_uri(redirect_uri, "mine") as callbacks,
        httpx.AsyncClient(base_url=redirect_uri, trust_env=False) as browser,
    ):
        first = asyncio.create_task(browser.get("/?code=c0de&state=mine"))
        received = await callbacks.get()
        second = await browser.get("/?code=c0de&state=mine")
        await received.respond("<p>Done</p>")

        assert received.url == f"{redirect_uri}?code=c0de&state=mine"
        assert ((await first).status_code, (await first).text) == (200, "<p>Done</p>")
        assert (second.status_code, second.text) == (
            400,
            "exist-async login ignores this address. It was answered before.",
        )


async def test_a_callback_without_the_state_does_not_keep_the_one_with_it_away(redirect_uri: str) -> None:
    async with (
        serve_redirect_uri(redirect_uri, "mine") as callbacks,
        httpx.AsyncClient(base_url=redirect_uri, trust_env=False) as browser,
    ):
        forged = asyncio.create_task(browser.get("/?code=forged"))
        first = await callbacks.get()
        assert (await browser.get("/?code=forged-again")).status_code == 400
        own = asyncio.create_task(browser.get("/?code=c0de&state=mine"))
        second = await callbacks.get()
        assert (await browser.get("/?code=forged-again")).status_code == 400
        for received in (first, second):
            await received.respond("<p>Done</p>")

        assert (first.url, second.url) == (f"{redirect_uri}?code=forged", f"{redirect_uri}?code=c0de&state=mine")
        assert {(await forged).status_code, (await own).status_code} == {200}


async def test_a_browser_that_closes_the_connection_early_is_not_an_error(redirect_uri: str) -> None:
    async with serve_redirect_uri(redirect_uri, "mine") as callbacks:
        _, browser = await asyncio.open_connection("127.0.0.1", httpx.URL(redirect_uri).port)
        browser.write(b"GET /?code=c0de&state=mine HTTP/1.1\r\n\r\n")
        received = await callbacks.get()
        browser.transport.abort()
        await received.respond("<p>Done</p>" * 1_000_000)


async def test_only_the_path_of_the_redirect_uri_is_served(redirect_uri: str) -> None:
    async with (
        serve_redirect_uri(f"{redirect_uri}back", "mine") as callbacks,
        httpx.AsyncClient(base_url=redirect_uri, trust_env=False) as browser,
    ):
        elsewhere = await browser.get("/?code=c0de&state=mine")
        there = asyncio.create_task(browser.get("/back?code=c0de&state=mine"))
        await (await callbacks.get()).respond("<p>Done</p>")

        assert elsewhere.status_code == 404
        assert (await there).status_code == 200


def refuse_address(monkeypatch: pytest.MonkeyPatch, host: str, number: int) -> None:
    """Let listening on an address fail."""
    create = socket.create_server

    def create_server(address: tuple[str, int], **options: Any) -> socket.socket:
        if address[0] == host:
            raise OSError(number, os.strerror(number))
        return create(address, **options)

    monkeypatch.setattr("socket.create_server", create_server)


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
async def test_without_ipv6_it_listens_on_ipv4_alone(
    redirect_uri: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refuse_address(monkeypatch, "::1", number)

    async with serve_redirect_uri(redirect_uri, "mine"), httpx.AsyncClient(trust_env=False) as browser:
        response = await browser.get(redirect_uri.replace("localhost", "127.0.0.1"))

        assert response.status_code == 400


async def test_a_port_that_needs_more_permissions_is_reported_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_address(monkeypatch, "127.0.0.1", errno.EACCES)

    with pytest.raises(ConfigurationError) as caught:
        async with serve_redirect_uri("http://localhost/", "mine"):
            pass

    assert str(caught.value) == (
        "Port 80 of localhost can't be opened (Permission denied), and the browser is redirected to it. Free the port, "
        "or add --paste."
    )
