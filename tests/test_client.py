"""The client: views on one pool, any endpoint by its path, and an end."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from exist_async import (
    ConfigurationError,
    ExistClient,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    SimpleToken,
)
from exist_async.sandbox import Sandbox

Answering = Callable[..., ExistClient]


def echo_user(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"username": request.headers["Authorization"].split()[1]})


def test_the_signature_of_a_client_tells_where_its_budget_is_kept() -> None:
    assert "= <in memory>" in str(inspect.signature(ExistClient).parameters["rate_limiter"])


async def test_views_sign_for_their_own_users_on_one_pool(answering: Answering) -> None:
    shared = answering(echo_user)
    views = [shared.with_options(auth=f"user-{n}") for n in range(50)]

    profiles = await asyncio.gather(*(view.profile.get() for view in views))

    assert [profile.username for profile in profiles] == [f"user-{n}" for n in range(50)]
    assert (await shared.profile.get()).username == "a-token"


async def test_a_view_keeps_what_it_was_not_told_to_change(answering: Answering) -> None:
    client = answering(echo_user, timeout=5.0, concurrency=3)

    session = client.with_options(timeout=7.0)._session

    assert (session.options.timeout, session.options.concurrency, session.auth) == (7.0, 3, client._session.auth)


async def test_closing_a_view_does_nothing(answering: Answering) -> None:
    client = answering(echo_user)

    async with client.with_options(auth="a-user"):
        pass

    assert (await client.profile.get()).username == "a-token"


async def test_a_caller_s_own_client_is_never_closed(answering: Answering) -> None:
    http_client = httpx.AsyncClient(transport=httpx.MockTransport(echo_user))

    async with ExistClient("token", http_client=http_client) as client:
        await client.profile.get()

    assert not http_client.is_closed
    await http_client.aclose()


@pytest.mark.parametrize("option", ["http_client", "max_connections", "proxy", "verify", "trust_env", "no_such_option"])
def test_what_is_the_pool_s_is_no_view_s_to_change(option: str) -> None:
    with pytest.raises(ConfigurationError, match=option):
        ExistClient("token").with_options(**{option: None})  # type: ignore[arg-type]


def test_a_view_s_options_are_checked_like_a_client_s() -> None:
    with pytest.raises(ConfigurationError, match="concurrency"):
        ExistClient("token").with_options(concurrency=0)
    with pytest.raises(ConfigurationError, match="auth"):
        ExistClient("token").with_options(auth="")


async def test_a_read_only_token_reads_and_cannot_write(exist: ExistClient, sandbox: Sandbox) -> None:
    simple = exist.with_options(auth=SimpleToken(sandbox.issue_simple_token()))

    assert (await simple.profile.get()).username == "ada"
    with pytest.raises(PermissionDeniedError, match="sign in again"):
        await simple.attributes.acquire(["steps"])


async def test_an_endpoint_without_a_method_is_called_by_its_path(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="mood")

    page = await exist.request("GET", "attributes/", params={"groups": "mood,custom", "limit": 5})

    assert [attribute["name"] for attribute in page["results"]] == ["mood"]
    assert sandbox.requests[0].query == {"groups": "mood,custom", "limit": "5"}


@pytest.mark.parametrize(("value", "sent"), [(5, "5"), (0, "0"), (0.5, "0.5"), (-(2**63), str(-(2**63)))])
async def test_numbers_in_the_query_of_such_a_call_are_sent_as_text(
    exist: ExistClient, sandbox: Sandbox, value: float, sent: str
) -> None:
    await exist.request("GET", "attributes/", params={"x": value})

    assert sandbox.requests[0].query == {"x": sent}


async def test_such_a_call_can_send_json_and_has_the_errors_of_every_other(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    reply = await exist.request("post", "attributes/acquire/", json=[{"template": "steps"}])

    assert reply["success"][0]["template"] == "steps"
    with pytest.raises(NotFoundError):
        await exist.request("GET", "no/such/endpoint/")


async def test_such_a_write_is_not_taken_for_repeatable_unless_said(answering: Answering) -> None:
    client = answering(lambda request: httpx.Response(500))

    for repeatable in [None, True, False]:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.request("POST", "attributes/increment/", json=[], repeatable=repeatable)
        assert caught.value.repeatable is bool(repeatable)


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("attributes/", "https://exist.io/api/2/attributes/"),
        ("/attributes/", "https://exist.io/api/2/attributes/"),
        ("//evil.example/", "https://exist.io/api/2//evil.example/"),
        ("@evil.example/", "https://exist.io/api/2/%40evil.example/"),
        ("a?b#c/", "https://exist.io/api/2/a%3Fb%23c/"),
    ],
)
async def test_no_path_leads_elsewhere(answering: Answering, path: str, url: str) -> None:
    asked: list[str] = []

    def note(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={})

    await answering(note).request("GET", path)

    assert asked == [url]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "a\nb"), ("", "attributes/"), ("GE T", "attributes/"), (7, "attributes/")]
)
async def test_a_method_or_path_that_is_none_is_refused(exist: ExistClient, method: Any, path: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^(path|method)"):
        await exist.request(method, path)


@pytest.mark.parametrize(
    "arguments",
    [
        {"params": "a=b"},
        {"params": {"a": "\ud800"}},
        {"params": {"a": True}},
        {"params": {"a": None}},
        {"params": {"a": float("nan")}},
        {"params": {"a": 10**5000}},
        {"params": {7: "a"}},
        {"json": [float("nan")]},
        {"json": object()},
        {"json": "\ud800"},
    ],
)
async def test_what_cannot_be_sent_is_refused(exist: ExistClient, sandbox: Sandbox, arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"^(params|a name in params|json)"):
        await exist.request("POST", "attributes/acquire/", **arguments)

    assert sandbox.requests == []


async def test_of_a_boolean_in_the_query_the_error_says_what_to_send_instead(exist: ExistClient) -> None:
    with pytest.raises(ConfigurationError, match=r"^params\['owned'\] must be .*'true' for a flag.*, not bool$"):
        await exist.request("GET", "attributes/", params={"owned": True})


@pytest.mark.parametrize(
    "path",
    [
        *(
            "..",
            "../a/",
            "a/../b/",
            "./a",
            "%2e%2e/",
            "%2E./a/",
            "a/%2e/b",
            ".%2e%2fa/",
            "a%2f..%2fb",
            "a%2F%2e%2E%2fb",
        ),
        *("%252e%252e/", "%25252e%25252e%25252fa", "a\\..\\b", "a%5c..%5cb", "a%255c%252e%252e/"),
    ],
)
async def test_a_path_that_leads_out_of_the_api_is_refused_however_it_is_written(
    answering: Answering, path: str
) -> None:
    requests: list[httpx.Request] = []
    exist = answering(lambda request: requests.append(request) or httpx.Response(200, json={}))  # type: ignore[func-returns-value]

    with pytest.raises(ConfigurationError, match="path must not contain"):
        await exist.request("GET", path)
    assert requests == []


@pytest.mark.parametrize(("path", "sent"), [("a%2fb..c/", "a%2fb..c/"), ("...", "...")])
async def test_other_paths_are_sent_as_they_are(answering: Answering, path: str, sent: str) -> None:
    exist = answering(lambda request: httpx.Response(200, json=request.url.raw_path.decode()))

    assert await exist.request("GET", path) == f"/api/2/{sent}"
