"""The proxies of a client, its own and the environment's, and what errors say about them."""

import asyncio
import base64
import socket
from collections.abc import Callable
from typing import Any

import pytest

from exist_async import (
    BearerToken,
    ConfigurationError,
    ConnectionFailedError,
    ExistClient,
    MemoryRateLimiter,
    OAuthApp,
    OAuthError,
)
from exist_async._http.proxies import Proxies

RawServer = Callable[[Any], Any]
MonkeyPatch = pytest.MonkeyPatch

EXIST = "https://exist.io"
PASSWORD = "hunter2"


def found(url: str = EXIST) -> str | None:
    proxy = Proxies(None, trust_env=True).find(url)
    return None if proxy is None else proxy.url


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "SOCKS5", "socks"])
async def test_a_socks_proxy_of_the_environment_is_refused_before_anything_is_sent(
    monkeypatch: MonkeyPatch, scheme: str
) -> None:
    limiter = MemoryRateLimiter()
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        proxy.listen()
        proxy.setblocking(False)
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://ada:{PASSWORD}@127.0.0.1:{proxy.getsockname()[1]}")
        async with ExistClient("a-token", rate_limiter=limiter) as exist:
            calls = [exist.profile.get(), exist.attributes.acquire(["steps"]), exist.request("GET", "averages/")]
            for call in calls:
                with pytest.raises(ConfigurationError, match=r"ALL_PROXY must be .* not of a SOCKS proxy") as caught:
                    await call
                assert PASSWORD not in str(caught.value)
                assert caught.value.__context__ is None
        with pytest.raises(BlockingIOError):
            proxy.accept()

    # Nothing of the hourly budget is spent on it.
    assert await limiter.remaining(BearerToken("a-token").user) == 300


async def test_a_token_request_says_that_the_proxy_of_the_environment_cannot_be_used(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    app = OAuthApp("id", "secret", redirect_uri="https://example.com/callback")

    with pytest.raises(OAuthError, match="ALL_PROXY must be"):
        await app.exchange("a-code")


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://{PASSWORD}@127.0.0.1:3128",
        f"http://ada:{PASSWORD}@127.0.0.1:99999",
        f"http://ada:{PASSWORD}#@127.0.0.1:3128",
        f"http://ada:12/{PASSWORD}@127.0.0.1:3128",
        f"http://ada:12?{PASSWORD}@127.0.0.1:3128",
        f"http://ada:12#{PASSWORD}@127.0.0.1:3128",
        "http://[::1",
        "http://ho st:3128",
        "http://",
        "ho st",
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_that_the_argument_may_not_be_is_none_in_the_environment_either(
    monkeypatch: MonkeyPatch, url: str, variable: str
) -> None:
    monkeypatch.setenv(variable, url)

    with pytest.raises(ConfigurationError, match=f"^{variable} must be the URL of an HTTP proxy") as caught:
        found()
    assert PASSWORD not in str(caught.value)
    with pytest.raises(ConfigurationError, match="proxy must be the URL of an HTTP proxy"):
        Proxies(url, trust_env=True)


def test_of_two_variables_that_are_both_set_the_one_that_counts_is_named(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5://proxy")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")

    with pytest.raises(ConfigurationError, match=r"^https_proxy must"):
        found()


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": " proxy:3128 "}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "https://proxy"}, "https://proxy"),
        ({"HTTPS_PROXY": "http://one", "https_proxy": "http://two"}, "http://two"),
        ({"HTTPS_PROXY": "http://proxy:3128", "ALL_PROXY": "socks5://proxy"}, "http://proxy:3128"),
        ({"HTTP_PROXY": "socks5://proxy"}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": "socks5://proxy", "https_proxy": ""}, None),
        ({"ALL_PROXY": "socks5://proxy", "NO_PROXY": "exist.io"}, None),
    ],
)
def test_only_the_proxy_that_would_be_used_counts(
    monkeypatch: MonkeyPatch, variables: dict[str, str], proxy: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert found() == proxy


def test_the_environment_does_not_count_for_this_machine_nor_against_the_client_s_own_settings(
    monkeypatch: MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy")

    assert found("http://127.0.0.1:8000") is None
    assert found("http://[::1]:8000") is None
    assert Proxies(None, trust_env=False).find(EXIST) is None
    own = Proxies("http://own:3128", trust_env=True).find(EXIST)
    assert own is not None
    assert own.url == "http://own:3128"


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        ("exist.io", EXIST),
        ("EXIST.io", EXIST),
        ("exist.io.", EXIST),
        ("io", EXIST),
        (".io", EXIST),
        ("*.io", EXIST),
        ("*", EXIST),
        ("localhost,exist.io", EXIST),
        ("localhost, 10.0.0.0/8 , exist.io", EXIST),
        ("localhost exist.io", EXIST),
        ("https://exist.io", EXIST),
        ("https://exist.io/", EXIST),
        ("all://exist.io", EXIST),
        ("exist.io:443", EXIST),
        ("https://exist.io:8443", "https://exist.io:8443"),
        ("10.1.2.3", "https://10.1.2.3"),
        ("10.0.0.0/8", "https://10.1.2.3"),
        ("2001:db8::1", "https://[2001:db8::1]"),
        ("[2001:db8::1]", "https://[2001:db8::1]"),
        ("[2001:db8::1]", "https://[2001:db8::1]:8443"),
        ("[2001:db8::1]:443", "https://[2001:db8::1]"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("2001:db8::/32", "https://[2001:db8::1]"),
        ("[2001:0db8:0::1]", "https://[2001:db8::1]"),
    ],
)
def test_no_proxy_excludes_what_it_names_in_whatever_form(monkeypatch: MonkeyPatch, entries: str, url: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", entries)

    assert found(url) is None


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        ("", EXIST),
        (",", EXIST),
        ("https://", EXIST),
        ("xist.io", EXIST),
        ("exist.io.example", EXIST),
        ("http://exist.io", EXIST),
        ("exist.io:8443", EXIST),
        ("exist.io:99999", EXIST),
        ("[", EXIST),
        (":", EXIST),
        (".", "https://exist.io."),
        ("10.0.0.0/8", EXIST),
        ("10.0.0.0/8", "https://11.1.2.3"),
        ("10.0.0.0/8", "https://[2001:db8::1]"),
        ("[2001:db8::2]", "https://[2001:db8::1]"),
        ("[2001:db8::1]:8443", "https://[2001:db8::1]"),
    ],
)
def test_no_proxy_excludes_nothing_else(monkeypatch: MonkeyPatch, entries: str, url: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", entries)

    assert found(url) == "http://proxy:3128"


@pytest.mark.parametrize(
    ("userinfo", "credentials"),
    [
        ("ada:hunter2", b"ada:hunter2"),
        ("ada", b"ada:"),
        (":hunter2", b":hunter2"),
        ("a%40da:h%3Au%2Fnter2", b"a@da:h:u/nter2"),
        ("ada:hunter2@1", b"ada:hunter2@1"),
    ],
)
def test_credentials_of_a_proxy_are_sent_in_a_header_and_not_kept_in_its_url(userinfo: str, credentials: bytes) -> None:
    proxy = Proxies(f"http://{userinfo}@proxy:3128", trust_env=False).find(EXIST)

    assert proxy is not None
    assert proxy.url == "http://proxy:3128"
    assert proxy.headers == {"Proxy-Authorization": f"Basic {base64.b64encode(credentials).decode()}"}


async def test_an_error_says_through_which_proxy_no_connection_was_made(
    raw_server: RawServer, monkeypatch: MonkeyPatch
) -> None:
    answers = {
        "refuses to connect": b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        "hangs up": b"",
        "speaks another protocol": b"\x05\xff",
    }

    for answer in answers.values():

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes = answer) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)

        async with raw_server(talk) as url:
            with_password = url.replace("//", f"//ada:{PASSWORD}@")
            monkeypatch.setenv("HTTPS_PROXY", with_password)
            async with ExistClient("a-token", max_retries=0) as exist:
                with pytest.raises(ConnectionFailedError, match=r"\(through the proxy in HTTPS_PROXY\)") as by_variable:
                    await exist.profile.get()
            async with ExistClient("a-token", max_retries=0, proxy=with_password) as exist:
                with pytest.raises(ConnectionFailedError, match=r"\(through the client's proxy\)") as by_argument:
                    await exist.profile.get()

        assert PASSWORD not in f"{by_variable.value} {by_argument.value}"

    # Nothing listens there any more.
    async with ExistClient("a-token", max_retries=0) as exist:
        with pytest.raises(ConnectionFailedError, match=r"\(through the proxy in HTTPS_PROXY\)"):
            await exist.profile.get()
