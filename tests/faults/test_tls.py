"""Faults of TLS: a service that can't show who it is."""

import datetime as dt
import ssl
from collections.abc import Callable
from functools import cache

import pytest
import trustme
from faults.observe import SECRET, Seen, quick
from faults.server import Talk, serving
from faults.wire import CALLS, check_health, compare_cells, see

from exist_async import ConnectionFailedError

pytestmark = pytest.mark.usefixtures("nothing_left")

HOST = "127.0.0.1"
LONG_AGO = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)


@cache
def authority() -> trustme.CA:
    """Return whom the client trusts."""
    return trustme.CA()


def showing(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def good() -> ssl.SSLContext:
    return showing(authority().issue_cert(HOST))


def expired() -> ssl.SSLContext:
    return showing(authority().issue_cert(HOST, not_before=LONG_AGO, not_after=LONG_AGO + dt.timedelta(days=1)))


def of_another_host() -> ssl.SSLContext:
    return showing(authority().issue_cert("exist.example"))


def nobody_s() -> ssl.SSLContext:
    return showing(trustme.CA().issue_cert(HOST))


def plain_http() -> None:
    """Serve no TLS at all."""


class Listening:
    """A script that answers whatever it reads, and keeps what that was."""

    def __init__(self) -> None:
        self.heard = b""

    async def __call__(self, talk: Talk) -> None:
        self.heard += await talk.reader.read(65_536)
        await talk.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("tls", [expired, of_another_host, nobody_s, plain_http])
async def test_a_service_that_cannot_show_who_it_is_never_sees_the_token_and_is_asked_once(
    tls: Callable[[], ssl.SSLContext | None],
) -> None:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(trusting)
    seen: dict[str, dict[str, Seen]] = {kind: {} for kind in CALLS}
    for kind, call in CALLS.items():
        listening, hellos = Listening(), 0
        serving_with = tls()

        def count(*_: object) -> None:
            nonlocal hellos
            hellos += 1

        if serving_with is not None:
            serving_with.sni_callback = count
        async with serving(listening, tls=serving_with) as server:
            url = f"https://{server.url.partition('://')[2]}"
            async with quick(url, verify=trusting) as client:
                seen[kind][""] = await see(client, call, server)

        assert type(seen[kind][""].error) is ConnectionFailedError
        assert (hellos or server.connections) == 1
        assert b"Authorization" not in listening.heard
        assert SECRET.encode() not in listening.heard

    compare_cells(4, seen)


async def test_a_service_that_shows_who_it_is_is_served() -> None:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(trusting)

    async with serving(tls=good()) as server, quick(server.url, verify=trusting) as client:
        await check_health(client, server)

    assert server.connections == 1
