"""Event loops of other libraries: only those of asyncio work."""

import datetime as dt
from collections.abc import Awaitable, Callable

import anyio
import pytest
import trio

from exist_async import (
    ConfigurationError,
    ExistAsyncError,
    ExistClient,
    OAuthApp,
    OAuthToken,
    RedisTokenStore,
    SimpleToken,
    ValueUpdate,
)
from exist_async.attio import AttioClient
from exist_async.sandbox import Sandbox

DAY = dt.date(2026, 11, 20)


@pytest.mark.parametrize("cls", [ExistClient, AttioClient])
def test_trio_is_refused_with_one_error(cls: type[ExistClient] | type[AttioClient]) -> None:
    async def main() -> None:
        async with cls("a-token", base_url="http://127.0.0.1:9") as client:
            with pytest.raises(ConfigurationError, match="needs a running asyncio event loop") as caught:
                await client.request("GET", "accounts/profile/")
            assert caught.value.__cause__ is None

    trio.run(main)


CALLS: dict[str, Callable[[ExistClient, OAuthApp], Awaitable[object]]] = {
    "history": lambda exist, _: anext(aiter(exist.values.history(DAY, DAY))),
    "plan of a history": lambda exist, _: exist.values.history(DAY, DAY).plan(),
    "listing": lambda exist, _: exist.attributes.owned().collect(),
    "write": lambda exist, _: exist.values.update([ValueUpdate("mood", DAY, 5)]),
    "exchange": lambda _, app: app.exchange("a-code"),
    "refresh": lambda _, app: app.refresh(OAuthToken("an-access-token", "a-refresh-token")),
    "login": lambda _, app: SimpleToken.login("ada", "a-password", base_url=app.base_url),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_kind_of_call_says_under_trio_what_it_needs(name: str) -> None:
    app = OAuthApp("an-id", "a-client-secret", "http://localhost:1/", base_url="http://127.0.0.1:9")

    async def main() -> None:
        async with ExistClient("a-token", base_url="http://127.0.0.1:9") as exist:
            with pytest.raises(ExistAsyncError, match="needs a running asyncio event loop"):
                await CALLS[name](exist, app)

    trio.run(main)


def test_closing_under_trio_does_not_hide_the_error_of_the_block() -> None:
    async def main() -> None:
        async with ExistClient("a-token"), RedisTokenStore("redis://127.0.0.1:9"):
            raise LookupError("the block's own")

    with pytest.raises(LookupError, match="the block's own"):
        trio.run(main)


def test_anyio_works_on_asyncio() -> None:
    async def main() -> str | None:
        sandbox = Sandbox()
        async with sandbox.serve() as url, ExistClient(sandbox.token, base_url=url) as exist:
            return (await exist.profile.get()).username

    assert anyio.run(main, backend="asyncio") == "ada"


async def fail_to_close(_: object) -> None:
    raise OSError("it can't be closed")


async def test_an_error_of_closing_does_not_hide_the_error_of_the_block(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("exist_async._http.session.Session.aclose", fail_to_close)

    with pytest.raises(LookupError):
        async with ExistClient("a-token"):
            raise LookupError
    assert "Closing the client failed, after its block had ended with LookupError" in caplog.text
    with pytest.raises(OSError, match="can't be closed"):
        async with ExistClient("a-token"):
            pass
