"""The one loop: turns, attempts, pauses, and what each failure means for a read and for a write."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import httpx
import pytest
import respx

from exist_async import (
    AuthenticationError,
    BatchError,
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    ExistAsyncError,
    ExistClient,
    MemoryRateLimiter,
    NoAnswerError,
    OutcomeUnknownError,
    RateLimitError,
)
from exist_async.sandbox import Sandbox

Answering = Callable[..., ExistClient]

NOT_SENT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
SENT = [
    httpx.ReadError,
    httpx.WriteError,
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.RemoteProtocolError,
    httpx.DecodingError,
]


class Script:
    """Answers one request after another as it was told, and the last answer for ever."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


OK = httpx.Response(200, json={"username": "ada"})


async def test_a_request_is_signed_and_says_who_sends_it(answering: Answering) -> None:
    script = Script(OK)

    await answering(script).profile.get()

    request = script.requests[0]
    assert (request.method, str(request.url)) == ("GET", "https://exist.io/api/2/accounts/profile/")
    assert request.headers["Authorization"] == "Bearer a-token"
    assert request.headers["User-Agent"].startswith("exist-async/")
    assert request.headers["Accept"] == "application/json"


@pytest.mark.parametrize("failure", NOT_SENT)
async def test_what_was_not_sent_is_sent_again(
    answering: Answering, clock: Any, failure: type[httpx.TransportError]
) -> None:
    script = Script(failure("no"), failure("no"), OK)

    profile = await answering(script).profile.get()

    assert profile.username == "ada"
    assert len(script.requests) == 3


@pytest.mark.parametrize("failure", NOT_SENT)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_was_never_sent_is_a_failed_connection_for_reads_and_writes_alike(
    answering: Answering, clock: Any, failure: type[httpx.TransportError], method: str
) -> None:
    script = Script(failure("the reason"))

    with pytest.raises(ConnectionFailedError, match=r"to https://exist\.io \(nothing was sent\): the reason"):
        await answering(script).request(method, "attributes/")

    assert len(script.requests) == 3


@pytest.mark.parametrize("failure", SENT)
async def test_a_read_without_an_answer_says_so(answering: Answering, failure: type[httpx.TransportError]) -> None:
    script = Script(failure("the reason"))

    with pytest.raises(NoAnswerError, match="the reason") as caught:
        await answering(script).profile.get()

    assert not isinstance(caught.value, OutcomeUnknownError)
    assert len(script.requests) == (2 if failure is httpx.DecodingError else 3)


@pytest.mark.parametrize("failure", SENT)
async def test_a_write_without_an_answer_may_have_been_carried_out(
    answering: Answering, failure: type[httpx.TransportError]
) -> None:
    script = Script(failure("the reason"))

    with pytest.raises(OutcomeUnknownError, match="the reason") as caught:
        await answering(script).request("POST", "attributes/increment/", json=[])

    assert not caught.value.repeatable
    assert isinstance(caught.value.__cause__, failure)
    assert len(script.requests) == 1


async def test_a_429_is_waited_for_and_tried_again(answering: Answering, clock: Any) -> None:
    script = Script(httpx.Response(429, headers={"Retry-After": "7"}), OK)

    await answering(script).profile.get()

    assert clock.slept == [7.0]
    assert len(script.requests) == 2


async def test_a_429_that_asks_for_more_than_max_wait_raises_at_once(answering: Answering, clock: Any) -> None:
    script = Script(httpx.Response(429, headers={"Retry-After": "61"}))

    with pytest.raises(RateLimitError) as caught:
        await answering(script).profile.get()

    assert (caught.value.retry_after, caught.value.status_code) == (61.0, 429)
    assert clock.slept == []


async def test_after_a_429_the_same_user_s_other_calls_are_held_back_without_asking(
    answering: Answering, clock: Any
) -> None:
    script = Script(httpx.Response(429, headers={"Retry-After": "600"}), OK)
    client = answering(script)
    with pytest.raises(RateLimitError):
        await client.profile.get()

    with pytest.raises(RateLimitError) as caught:
        await client.profile.get()

    assert caught.value.status_code is None
    assert len(script.requests) == 1
    assert (await client.with_options(auth="another-user").profile.get()).username == "ada"


async def test_each_attempt_that_is_sent_takes_a_slot_of_the_budget(answering: Answering, clock: Any) -> None:
    script = Script(httpx.ReadError("no"), OK)
    client = answering(script, rate_limiter=MemoryRateLimiter(limit=2, clock=clock, sleep=clock.sleep))
    await client.profile.get()

    with pytest.raises(RateLimitError):
        await client.profile.get()


async def test_without_a_limiter_nothing_is_held_back(answering: Answering) -> None:
    script = Script(OK)
    client = answering(script, rate_limiter=None)

    for _ in range(400):
        await client.profile.get()

    assert len(script.requests) == 400


async def test_an_error_of_the_service_is_not_tried_again(answering: Answering) -> None:
    script = Script(httpx.Response(401, json={"detail": "Invalid token."}))

    with pytest.raises(AuthenticationError, match="Invalid token"):
        await answering(script).profile.get()

    assert len(script.requests) == 1


async def test_a_redirect_is_not_followed(answering: Answering) -> None:
    script = Script(httpx.Response(302, headers={"Location": "https://evil.example/"}), OK)

    with pytest.raises(ExistAsyncError, match="never followed"):
        await answering(script).profile.get()

    assert len(script.requests) == 1


async def test_cookies_are_not_sent_back(answering: Answering) -> None:
    script = Script(httpx.Response(200, json={"username": "ada"}, headers={"Set-Cookie": "session=1"}))
    client = answering(script)

    await client.profile.get()
    await client.profile.get()

    assert "cookie" not in script.requests[1].headers


async def test_a_caller_s_closed_client_is_said_to_be_closed() -> None:
    http_client = httpx.AsyncClient(transport=httpx.MockTransport(Script(OK)))
    client = ExistClient("token", http_client=http_client)
    await http_client.aclose()

    with pytest.raises(ClientClosedError):
        await client.profile.get()


async def test_a_caller_s_client_that_is_closed_while_a_request_is_signed_is_said_to_be_closed() -> None:
    signing, closed = asyncio.Event(), asyncio.Event()

    class Transport(httpx.AsyncBaseTransport):
        """Refuses requests once it is closed, as transports over aiohttp do."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise RuntimeError("Session is closed")

        async def aclose(self) -> None:
            closed.set()

    class Slow(httpx.Auth):
        async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            signing.set()
            await closed.wait()
            yield request

    http_client = httpx.AsyncClient(transport=Transport())
    call = asyncio.create_task(ExistClient(Slow(), http_client=http_client).profile.get())
    await signing.wait()
    await http_client.aclose()

    with pytest.raises(ClientClosedError, match="The client is closed"):
        await call


async def test_an_answer_that_comes_too_slowly_through_a_caller_s_client_is_no_answer(answering: Answering) -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        return await asyncio.Event().wait()  # type: ignore[return-value]

    with pytest.raises(NoAnswerError, match="no readable answer came: The answer took too long"):
        await answering(never, timeout=0.01, max_retries=0).profile.get()


async def test_an_event_loop_that_starts_no_more_threads_can_make_a_first_call(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exist_async._json.is_ready", lambda: False)
    await asyncio.get_running_loop().shutdown_default_executor()

    assert (await answering(Script(OK)).profile.get()).username == "ada"


async def test_an_error_in_the_caller_s_own_transport_is_not_hidden(answering: Answering) -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        await answering(Script(RuntimeError("a bug"))).profile.get()


async def test_all_waits_of_one_request_together_are_no_longer_than_max_wait(answering: Answering, clock: Any) -> None:
    script = Script(httpx.Response(429, headers={"Retry-After": "50"}))

    with pytest.raises(RateLimitError):
        await answering(script, max_wait=60).profile.get()

    assert sum(clock.slept) <= 60
    assert len(script.requests) == 2


async def test_a_hook_that_raises_for_a_status_changes_no_judgement() -> None:
    async def hook(response: httpx.Response) -> None:
        response.raise_for_status()

    script = Script(httpx.Response(401, json={"detail": "Invalid token."}))
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(script), event_hooks={"response": [hook]}
    ) as http_client:
        with pytest.raises(AuthenticationError, match="Invalid token"):
            await ExistClient("a-token", http_client=http_client).profile.get()


async def test_a_caller_s_own_auth_can_sign_the_body(answering: Answering) -> None:
    class Signing(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Any:
            request.headers["X-Signature"] = str(len(request.content))
            yield request

    script = Script(httpx.Response(200, json={}))
    await answering(script).with_options(auth=Signing()).request("POST", "attributes/acquire/", json=[])

    assert script.requests[0].headers["X-Signature"] == "2"


async def test_an_auth_that_answers_a_challenge_is_sent_both_requests(sandbox: Sandbox) -> None:
    class Challenged(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            request.headers["Authorization"] = "Bearer not-yet"
            response = yield request
            assert response.status_code == 401
            assert response.content
            assert response.request is request
            request.headers["Authorization"] = f"Bearer {sandbox.token}"
            yield request

    async with sandbox.serve() as url, ExistClient(Challenged(), base_url=url) as client:
        assert (await client.profile.get()).username

    assert [request.status for request in sandbox.requests] == [401, 200]


async def test_an_error_of_what_stands_in_for_the_transport_shows_no_token() -> None:
    with respx.mock(using="httpx") as router:
        router.get("https://exist.io/api/2/accounts/profile/").mock(side_effect=httpx.ConnectError("no: secret-token"))
        async with ExistClient("secret-token", max_retries=0) as client:
            with pytest.raises(ConnectionFailedError, match="no: ") as caught:
                await client.profile.get()

    assert "secret-token" not in f"{caught.value} {caught.value.__cause__!r}"


async def test_an_answer_that_breaks_off_is_closed() -> None:
    class Broken(httpx.AsyncByteStream):
        is_closed = False

        async def __aiter__(self) -> AsyncGenerator[bytes, None]:
            yield b"{"
            raise httpx.ReadError("broken off")

        async def aclose(self) -> None:
            self.is_closed = True

    stream = Broken()
    with respx.mock(using="httpx") as router:
        router.get("https://exist.io/api/2/accounts/profile/").mock(return_value=httpx.Response(200, stream=stream))
        async with ExistClient("secret-token", max_retries=0) as client:
            with pytest.raises(NoAnswerError):
                await client.profile.get()

    assert stream.is_closed


async def test_an_auth_without_a_hash_has_a_budget_too(answering: Answering) -> None:
    class Equal(httpx.Auth):
        def __eq__(self, other: object) -> bool:
            return True

    assert (await answering(Script(OK)).with_options(auth=Equal()).profile.get()).username == "ada"


async def test_filters_that_make_too_long_an_address_are_a_wrong_argument(answering: Answering) -> None:
    with pytest.raises(ConfigurationError, match="no valid URL"):
        await answering(Script(OK)).attributes.list(attributes=[f"tag_{n}" for n in range(20_000)]).collect()


@pytest.mark.parametrize("waits_for", ["budget", "pause", "gate"])
async def test_closing_ends_what_waits_for_its_turn(answering: Answering, waits_for: str) -> None:
    waiting = asyncio.Event()

    async def for_ever(*args: object, **options: object) -> None:
        waiting.set()
        await asyncio.Event().wait()

    class Spent(MemoryRateLimiter):
        acquire = for_ever

    script = Script(httpx.Response(429, headers={"Retry-After": "7"}))
    client = answering(script, rate_limiter=Spent() if waits_for == "budget" else None, sleep=for_ever)
    calls = [asyncio.create_task(client.profile.get()) for _ in range(2 if waits_for == "gate" else 1)]
    await waiting.wait()

    await client.aclose()

    for call in calls:
        with pytest.raises(ClientClosedError, match="while this call waited to be sent"):
            await call


async def test_a_call_that_gets_its_slot_while_the_client_is_closed_is_not_sent(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    waiting, free = asyncio.Event(), asyncio.Event()

    class Spent(MemoryRateLimiter):
        async def acquire(self, user: object, *, max_wait: float | None) -> None:
            waiting.set()
            await free.wait()

    script = Script(OK)
    client = answering(script, rate_limiter=Spent())
    call = asyncio.create_task(client.profile.get())
    await waiting.wait()
    free.set()
    await client.aclose()

    with pytest.raises(ClientClosedError, match="The client is closed"):
        await call
    assert script.requests == []
    # Ending a wait that has ended already would be an error in a callback of the event loop.
    assert caplog.records == []


async def test_a_limiter_s_own_timeout_is_its_own(answering: Answering) -> None:
    class Slow(MemoryRateLimiter):
        async def acquire(self, user: object, *, max_wait: float | None) -> None:
            raise TimeoutError("the database is slow")

    with pytest.raises(TimeoutError, match="the database is slow"):
        await answering(Script(OK), rate_limiter=Slow()).profile.get()


@pytest.mark.parametrize(
    "headers",
    [[(b"Location", b"1"), (b"Set-Cookie", b"\x80")], [(b"Location", b"/" + b"a" * 65_530)]],
    ids=["a cookie", "a location"],
)
async def test_headers_that_a_caller_s_client_cannot_read_are_no_answer(answering: Answering, headers: Any) -> None:
    script = Script(httpx.Response(302, headers=headers))

    with pytest.raises(NoAnswerError, match="the answer's headers can't be read"):
        await answering(script, max_retries=0).profile.get()
    with pytest.raises(OutcomeUnknownError):
        await answering(script).request("POST", "attributes/increment/", json=[])


class Broken(MemoryRateLimiter):
    def __init__(self, method: str, error: BaseException) -> None:
        super().__init__()

        async def fail(*args: object, **options: object) -> None:
            raise error

        setattr(self, method, fail)


@pytest.mark.parametrize("error", [ValueError("no database"), asyncio.CancelledError()], ids=repr)
async def test_a_limiter_that_raises_before_anything_is_sent_leaves_a_write_not_sent(
    answering: Answering, error: BaseException
) -> None:
    script = Script(OK)

    with pytest.raises(BatchError) as caught:
        await answering(script, rate_limiter=Broken("acquire", error)).attributes.release(["steps"])

    assert script.requests == []
    assert caught.value.result is not None
    assert [outcome.status for outcome in caught.value.result] == ["not_sent"]


async def test_a_limiter_that_cannot_take_a_slot_back_changes_nothing_about_a_429(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    script = Script(httpx.Response(429, headers={"Retry-After": "600"}))

    with pytest.raises(RateLimitError, match="429"):
        await answering(script, rate_limiter=Broken("refund", ValueError("no database"))).attributes.release(["steps"])

    assert "The rate limiter could not give a slot back" in caplog.text


async def test_closing_it_twice_at_once_closes_it(answering: Answering) -> None:
    leaving, waiting = asyncio.Event(), asyncio.Event()

    class Slow(MemoryRateLimiter):
        async def acquire(self, user: object, *, max_wait: float | None) -> None:
            waiting.set()
            try:
                await asyncio.Event().wait()
            finally:
                # Cleaning up takes it some time.
                await leaving.wait()

    client = answering(Script(OK), rate_limiter=Slow())
    call = asyncio.create_task(client.profile.get())
    await waiting.wait()

    await client.aclose()
    await asyncio.sleep(0)
    await client.aclose()
    leaving.set()

    with pytest.raises(ClientClosedError):
        await call


async def test_closing_it_in_one_thread_ends_what_waits_in_another(answering: Answering) -> None:
    waiting = threading.Event()

    class Spent(MemoryRateLimiter):
        async def acquire(self, user: object, *, max_wait: float | None) -> None:
            waiting.set()
            await asyncio.Event().wait()

    client = answering(Script(OK), rate_limiter=Spent())
    elsewhere = asyncio.create_task(asyncio.to_thread(asyncio.run, client.profile.get()))
    await asyncio.to_thread(waiting.wait)

    await client.aclose()

    with pytest.raises(ClientClosedError):
        async with asyncio.timeout(5):
            await elsewhere


async def test_a_pause_that_would_begin_after_closing_does_not(answering: Answering) -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def service(request: httpx.Request) -> httpx.Response:
        asked.set()
        await may_answer.wait()
        return httpx.Response(429, headers={"Retry-After": "30"})

    async def for_ever(seconds: float) -> None:
        await asyncio.Event().wait()

    client = answering(service, sleep=for_ever)
    call = asyncio.create_task(client.attributes.release(["steps"]))
    await asked.wait()
    closing = asyncio.create_task(client.aclose())
    await asyncio.sleep(0)
    may_answer.set()
    await closing

    with pytest.raises(ClientClosedError):
        async with asyncio.timeout(5):
            await call
