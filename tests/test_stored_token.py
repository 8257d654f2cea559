"""A stored token that is used as it is: when it is read again, and when its user has to do something."""

import asyncio
import datetime as dt
from traceback import walk_tb
from typing import Any

import httpx
import pytest

from exist_async import ConfigurationError, MemoryTokenStore, OAuthError, OAuthToken, ReauthorizationRequired
from exist_async.auth.stored_token import StoredToken

START = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


def token(name: str, seconds: float | None = None) -> OAuthToken:
    return OAuthToken(name, "refresh", None if seconds is None else START + dt.timedelta(seconds=seconds))


class Time:
    now = START.timestamp()

    def __call__(self) -> float:
        return self.now


async def signed(auth: StoredToken) -> str:
    request = httpx.Request("GET", "https://exist.io/")
    await anext(auth.async_auth_flow(request))
    return request.headers["Authorization"]


def auth_of(store: Any, time: Time) -> StoredToken:
    return StoredToken(store, "ada", origin="https://exist.io", remedy="Renew it.", clock=time)


async def test_it_is_read_once_while_it_is_valid_and_again_when_it_has_expired() -> None:
    store, time = MemoryTokenStore(), Time()
    await store.save("ada", token("first", 100))
    auth = auth_of(store, time)
    assert await signed(auth) == "Bearer first"
    await store.save("ada", token("second", 200))

    time.now += 99
    assert await signed(auth) == "Bearer first"
    time.now += 1
    assert await signed(auth) == "Bearer second"
    time.now += 100
    with pytest.raises(ReauthorizationRequired, match=r"The stored access token of 'ada' has expired\. Renew it\."):
        await signed(auth)


async def test_requests_that_begin_together_read_it_once() -> None:
    class Counting(MemoryTokenStore):
        loads = 0

        async def load(self, user: str) -> OAuthToken | None:
            self.loads += 1
            await asyncio.sleep(0)
            return await super().load(user)

    store = Counting()
    await store.save("ada", token("first"))
    auth = auth_of(store, Time())

    assert await asyncio.gather(*(signed(auth) for _ in range(5))) == ["Bearer first"] * 5
    assert store.loads == 1


async def test_a_token_without_a_known_end_is_valid_until_it_is_rejected() -> None:
    store, time = MemoryTokenStore(), Time()
    await store.save("ada", token("first"))
    auth = auth_of(store, time)
    time.now += 1e9
    assert await signed(auth) == "Bearer first"

    with pytest.raises(ReauthorizationRequired, match=r"Exist rejects the stored access token of 'ada'\. Renew it\."):
        await auth.renew("first")
    await store.save("ada", token("second"))
    await auth.renew("first")
    assert await signed(auth) == "Bearer second"


async def test_its_repr_and_pickles_show_nothing() -> None:
    auth = auth_of(MemoryTokenStore(), Time())

    assert repr(auth) == "StoredToken(<MemoryTokenStore>, user='ada')"
    with pytest.raises(TypeError, match="can't be pickled"):
        auth.__reduce__()


async def test_no_variable_in_a_traceback_shows_a_token() -> None:
    store, time = MemoryTokenStore(), Time()
    await store.save("ada", token("a-secret-token", -1))
    with pytest.raises(ReauthorizationRequired) as caught:
        await auth_of(store, time).ready()
    with pytest.raises(ReauthorizationRequired) as rejected:
        await auth_of(store, time).renew("a-secret-token")

    for error in (caught.value, rejected.value):
        frames = [frame for frame, _ in walk_tb(error.__traceback__) if "exist_async" in frame.f_code.co_filename]
        own = [frame for frame in frames if frame.f_code.co_filename.endswith("stored_token.py")][-2:]
        assert own
        assert all(frame.f_locals == {} for frame in own if frame.f_code.co_filename != __file__)


@pytest.mark.parametrize(("store", "user", "name"), [({}, "ada", "store"), (MemoryTokenStore(), "", "user")])
def test_a_wrong_argument_is_named(store: Any, user: str, name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        StoredToken(store, user, origin="https://exist.io", remedy="")


async def test_an_error_of_the_package_that_a_store_raises_stays_as_it_is() -> None:
    class Failing(MemoryTokenStore):
        async def load(self, user: str) -> OAuthToken | None:
            raise OAuthError("the file is locked")

    with pytest.raises(OAuthError, match="the file is locked") as caught:
        await auth_of(Failing(), Time()).ready()

    assert caught.value.__cause__ is None


async def test_a_caller_that_is_cancelled_while_the_store_is_read_is_cancelled() -> None:
    class Hanging(MemoryTokenStore):
        async def load(self, user: str) -> OAuthToken | None:
            await asyncio.sleep(60)
            raise AssertionError

    waiting = asyncio.ensure_future(auth_of(Hanging(), Time()).ready())
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
