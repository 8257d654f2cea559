"""Row 41: a proxy that refuses, or that can't reach the service."""

import pytest
from faults.observe import SECRET, Seen, cell, observe, quick
from faults.sandboxed import CALLS
from faults.server import Script, Talk, serving
from faults.service_rows import row

PASSWORD = "hunter2"
CREDENTIALS = "Basic YWRhOmh1bnRlcjI="


def refusing(status: int) -> Script:
    async def refuse(talk: Talk) -> None:
        while True:
            await talk.request()
            words = f"HTTP/1.1 {status} No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
            await talk.send(words.encode())

    return refuse


@pytest.mark.parametrize("kind", CALLS)
async def test_a_proxy_that_refuses_a_tunnel_is_asked_again_and_never_sees_the_token(kind: str) -> None:
    seen: dict[str, Seen] = {}
    for status in (407, 502):
        async with serving(refusing(status)) as proxy:
            with_password = proxy.url.replace("//", f"//ada:{PASSWORD}@")
            async with quick("https://exist.example", proxy=with_password) as client:
                seen[f"CONNECT answered with {status}"] = one = await observe(client, CALLS[kind])

            assert {(request.method, request.path) for request in proxy.requests} == {("CONNECT", "exist.example:443")}
            assert len(proxy.requests) == one.attempts
            assert {request.headers["proxy-authorization"] for request in proxy.requests} == {CREDENTIALS}
            assert all("authorization" not in request.headers for request in proxy.requests)
            assert SECRET not in str(proxy.requests)

        # To a plain service, which is only this machine, the proxy answers in its place.
        async with serving(refusing(status)) as proxy:
            with_password = proxy.url.replace("//", f"//ada:{PASSWORD}@")
            async with quick("http://127.0.0.1:9", proxy=with_password) as client:
                seen[f"without a tunnel {status}"] = one = await observe(client, CALLS[kind])

            assert len(proxy.requests) == one.attempts

    for one in seen.values():
        assert PASSWORD not in f"{one.error!r} {one.error}"
    assert cell(seen) == getattr(row(41), kind)
