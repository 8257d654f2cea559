"""Wrong options are named at construction, before anything is sent."""

import math
from typing import Any

import httpx
import pytest

from exist_async import ConfigurationError, ExistClient, MemoryTokenStore, OAuth2, OAuthApp, SimpleToken
from exist_async._http.signing import user_of
from exist_async.attio import AttioClient


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", math.nan),
        ("timeout", math.inf),
        ("timeout", "30"),
        ("timeout", None),
        ("timeout", True),
        ("max_retries", -1),
        ("max_retries", 1.5),
        ("concurrency", 0),
        ("concurrency", -8),
        ("concurrency", True),
        ("concurrency", "8"),
        ("max_connections", 0),
        ("max_wait", -1),
        ("max_wait", math.nan),
        ("base_url", ""),
        ("base_url", "exist.io"),
        ("base_url", "ftp://exist.io"),
        ("base_url", "https://"),
        ("base_url", "//evil.example"),
        ("base_url", "https://user:pass@exist.io"),
        ("base_url", "https://user@exist.io"),
        ("base_url", "https://exist.io//"),
        ("base_url", "https://exist.io/ "),
        ("base_url", "/"),
        ("base_url", "https://exist.io/api/2"),
        ("base_url", "https://exist.io?a=b"),
        ("base_url", "https://exist.io?"),
        ("base_url", "https://exist.io#"),
        ("base_url", "http://exist.io"),
        ("base_url", "http://localhost.evil.example"),
        ("base_url", "http://127.0.0.1.evil.example"),
        ("base_url", "https://exist.io:port"),
        ("base_url", "https://exist.io:99999"),
        ("base_url", "https://[::1"),
        ("base_url", "https://exist.io\r\nHost: evil"),
        ("base_url", "https://ex ist.io"),
        ("base_url", 7),
        ("rate_limiter", "in memory"),
        ("proxy", "socks5://127.0.0.1"),
        ("proxy", "not a url"),
        ("proxy", "http://127.0.0.1:99999"),
        ("proxy", "http://[::1"),
        ("proxy", 7),
        ("proxy", "http://ho st:3128"),
        ("proxy", "http://\0:3128"),
        ("proxy", "http://\ud800:3128"),
        ("proxy", "http://ada:\ud800@127.0.0.1:3128"),
        pytest.param("timeout", 10**5000, id="timeout-huge"),
        pytest.param("max_wait", 10**5000, id="max_wait-huge"),
        pytest.param("concurrency", 10**5000, id="concurrency-huge"),
        pytest.param("concurrency", -(10**5000), id="concurrency-negative-huge"),
        ("base_url", "https://xn--a.io"),
        ("verify", "/path/to/ca.pem"),
        ("http_client", "a client"),
    ],
)
def test_a_wrong_option_is_named(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        ExistClient("token", **{name: value})


@pytest.mark.parametrize(
    "url", ["https://ada:hunter2@exist.io", "https://ada:hunter2/pw@exist.io", "https://exist.io/?x=hunter2"]
)
def test_a_password_in_the_url_is_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ExistClient("token", base_url=url)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://exist.io",
        "https://exist.io:8443",
        "http://127.0.0.1:8000",
        "http://localhost",
        "http://[::1]:8000",
        "https://bücher.example",
    ],
)
def test_an_origin_is_taken(base_url: str) -> None:
    assert repr(ExistClient("token", base_url=base_url)) == f"<ExistClient for {base_url}>"


@pytest.mark.parametrize("client", [ExistClient("token"), AttioClient("token")])
def test_a_slash_at_the_end_of_an_origin_is_forgiven(client: ExistClient | AttioClient) -> None:
    view = client.with_options(base_url="http://localhost:8000/")

    assert repr(type(client)("token", base_url="http://localhost:8000/")) == repr(view)
    assert repr(view).endswith(" for http://localhost:8000>")


async def test_an_app_and_its_client_may_write_the_slash_differently() -> None:
    app = OAuthApp("id", "secret", "https://example.com/back", base_url="http://localhost:8000/")
    auth = OAuth2(app, MemoryTokenStore(), user="ada")

    assert app.authorization_url(["mood_read"])[0].startswith("http://localhost:8000/oauth2/authorize?")
    assert repr(ExistClient(auth, base_url="http://localhost:8000")) == "<ExistClient for http://localhost:8000>"


async def login(**options: Any) -> SimpleToken:
    return await SimpleToken.login("ada", "secret", **options)


@pytest.mark.parametrize("value", ["http://localhost:8000", " http://localhost:8000/\r\n"])
async def test_the_origin_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("EXIST_BASE_URL", value)
    requests: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request.url)
        return httpx.Response(200, json={"token": "a-token"})

    client = ExistClient("token")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http_client:
        await login(http_client=http_client)

    assert repr(client) == "<ExistClient for http://localhost:8000>"
    assert repr(client.with_options(auth="another")) == repr(client)
    assert OAuthApp("id", "secret", "https://example.com/back").base_url == "http://localhost:8000"
    assert requests == ["http://localhost:8000/api/2/auth/simple-token/"]
    assert repr(AttioClient("token")) == "<AttioClient for https://api.attio.com>"


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_without_an_origin_in_the_environment_it_is_exist_s_own(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv("EXIST_BASE_URL", value)

    assert repr(ExistClient("token")) == "<ExistClient for https://exist.io>"


def test_an_argument_takes_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXIST_BASE_URL", "nonsense")

    assert repr(ExistClient("token", base_url="https://exist.io")) == "<ExistClient for https://exist.io>"


@pytest.mark.parametrize(
    "value", ["localhost:8000", "http://exist.io", "https://exist.io/api/2", "https://ada:hunter2@a.b"]
)
async def test_a_wrong_origin_in_the_environment_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("EXIST_BASE_URL", value)

    for make in (lambda: ExistClient("token"), lambda: OAuthApp("id", "secret", "https://example.com/back")):
        with pytest.raises(ConfigurationError, match=r"^EXIST_BASE_URL ") as caught:
            make()
        assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"^EXIST_BASE_URL "):
        await login()


@pytest.mark.parametrize(("client", "variable"), [(ExistClient, "EXIST_TOKEN"), (AttioClient, "ATTIO_TOKEN")])
def test_white_space_around_a_token_in_the_environment_is_ignored(
    monkeypatch: pytest.MonkeyPatch, client: type[ExistClient] | type[AttioClient], variable: str
) -> None:
    monkeypatch.setenv(variable, "a-token")
    plain = client()._session.auth
    monkeypatch.setenv(variable, " a-token\r\n")

    assert user_of(client()._session.auth) == user_of(plain)


@pytest.mark.parametrize(("client", "variable"), [(ExistClient, "EXIST_TOKEN"), (AttioClient, "ATTIO_TOKEN")])
def test_a_wrong_token_in_the_environment_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, client: type[ExistClient] | type[AttioClient], variable: str
) -> None:
    monkeypatch.setenv(variable, "s3cr3t s3cr3t")
    with pytest.raises(ConfigurationError, match=f"^{variable}: ") as caught:
        client()
    assert "s3cr3t" not in str(caught.value)

    monkeypatch.setenv(variable, "\n")
    with pytest.raises(ConfigurationError, match=f"set {variable}"):
        client()


def test_the_first_line_of_the_log_names_the_origin(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "exist_async"):
        ExistClient("s3cr3t-token", base_url="http://localhost:8000")

    assert caplog.messages == ["<ExistClient for http://localhost:8000> was created"]


@pytest.mark.parametrize(
    ("name", "value"), [("timeout", 0.5), ("max_retries", 0), ("concurrency", 1), ("max_wait", None), ("max_wait", 0)]
)
def test_a_good_option_is_taken(name: str, value: Any) -> None:
    client = ExistClient("token", **{name: value})

    assert getattr(client._session.options, name) == value


def test_an_async_client_is_needed() -> None:
    with httpx.Client() as sync, pytest.raises(ConfigurationError, match="http_client"):
        ExistClient("token", http_client=sync)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "option", [{"proxy": "http://127.0.0.1:9"}, {"verify": False}, {"trust_env": False}, {"max_connections": 5}]
)
async def test_what_is_the_pool_s_own_cannot_be_given_beside_a_client_of_yours(option: dict[str, Any]) -> None:
    async with httpx.AsyncClient() as http_client:
        with pytest.raises(ConfigurationError, match=next(iter(option))):
            ExistClient("token", http_client=http_client, **option)
