"""The server that waits for a browser to come back."""

import asyncio
import errno
import os
import socket
from typing import Any

import httpx
import pytest

from exist_async.cli.callback_server import listening
from exist_async.errors import ConfigurationError


async def test_only_the_first_answer_counts(redirect_uri: str) -> None:
    async with (
        listening(redirect_uri, "mine") as visiting,
        httpx.AsyncClient(base_url=redirect_uri, trust_env=False) as browser,
    ):
        first = asyncio.create_task(browser.get("/?code=c0de&state=mine"))
        visit = await visiting
        second = await browser.get("/?code=c0de&state=mine")
        await visit.answer("<p>Done</p>")

        assert visit.url == f"{redirect_uri}?code=c0de&state=mine"
        assert ((await first).status_code, (await first).text) == (200, "<p>Done</p>")
        assert (second.status_code, second.text) == (
            400,
            "It was answered before. exist-async login takes no notice of it.",
        )


async def test_a_browser_that_is_closed_too_soon_is_no_error(redirect_uri: str) -> None:
    async with listening(redirect_uri, "mine") as visiting:
        _, browser = await asyncio.open_connection("127.0.0.1", httpx.URL(redirect_uri).port)
        browser.write(b"GET /?code=c0de&state=mine HTTP/1.1\r\n\r\n")
        visit = await visiting
        browser.transport.abort()
        await visit.answer("<p>Done</p>" * 1_000_000)


async def test_the_path_of_the_redirect_uri_is_the_one_that_counts(redirect_uri: str) -> None:
    async with (
        listening(f"{redirect_uri}back", "mine") as visiting,
        httpx.AsyncClient(base_url=redirect_uri, trust_env=False) as browser,
    ):
        elsewhere = await browser.get("/?code=c0de&state=mine")
        there = asyncio.create_task(browser.get("/back?code=c0de&state=mine"))
        await (await visiting).answer("<p>Done</p>")

        assert elsewhere.status_code == 404
        assert (await there).status_code == 200


def refuse(monkeypatch: pytest.MonkeyPatch, host: str, number: int) -> None:
    """Let this machine refuse to listen at an address."""
    create = socket.create_server

    def create_server(address: tuple[str, int], **options: Any) -> socket.socket:
        if address[0] == host:
            raise OSError(number, os.strerror(number))
        return create(address, **options)

    monkeypatch.setattr("socket.create_server", create_server)


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
async def test_a_machine_without_ipv6_listens_without_it(
    redirect_uri: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refuse(monkeypatch, "::1", number)

    async with listening(redirect_uri, "mine"), httpx.AsyncClient(trust_env=False) as browser:
        answer = await browser.get(redirect_uri.replace("localhost", "127.0.0.1"))

        assert answer.status_code == 400


async def test_a_port_that_needs_more_rights_is_said_to_be_that(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "127.0.0.1", errno.EACCES)

    with pytest.raises(ConfigurationError) as caught:
        async with listening("http://localhost/", "mine"):
            pass

    assert str(caught.value) == (
        "Port 80 of localhost can't be had (Permission denied), and the browser would come back to it. End what "
        "listens there, or add --paste."
    )
