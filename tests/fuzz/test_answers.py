"""Arbitrary answers: each call ends with its result or with an error of the package."""

import asyncio
import datetime as dt
import json
import pickle
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fuzz import hostile
from fuzz.hostile import examples
from hypothesis import example, given
from hypothesis import strategies as st

from exist_async import (
    BatchError,
    BatchResult,
    BearerToken,
    ByName,
    CustomAttribute,
    ExistAsyncError,
    ExistClient,
    MemoryRateLimiter,
    MemoryTokenStore,
    OAuth2,
    OAuthApp,
    OAuthError,
    OAuthToken,
    OutcomeStatus,
    SimpleToken,
    ValueIncrement,
    ValueType,
    ValueUpdate,
)
from exist_async._http import responses
from exist_async._http.call import Call

pytestmark = pytest.mark.slow

# No call that is made here takes as many requests, of a service that does not lead it in a circle.
_MOST_REQUESTS = 400


Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
Use = Callable[[ExistClient], Awaitable[Any]]


class Clock:
    """Time that passes when somebody sleeps, and never otherwise."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


class Service:
    """Gives some answers in turn, and the last of them for ever."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers
        self.count = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        status, headers, body = self.answers[min(self.count, len(self.answers) - 1)]
        self.count += 1
        assert self.count <= _MOST_REQUESTS, "the call does not end"
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


def answers(document: Any) -> st.SearchStrategy[list[Answer]]:
    usual = st.tuples(st.just(200), st.just([]), hostile.bodies(document))
    odd = st.tuples(hostile.STATUSES, hostile.HEADERS, hostile.bodies(document) | hostile.bodies({"detail": "No."}))
    return st.lists(usual | odd, min_size=1, max_size=3)


async def ask(given_answers: list[Answer], use: Use, auth: Any = "a-token") -> Any:
    """Return what a call returns or raises, of a service that gives these answers."""
    return await ask_service(Service(given_answers), use, auth)


async def ask_service(service: Callable[[httpx.Request], httpx.Response], use: Use, auth: Any = "a-token") -> Any:
    """Return what a call of a service returns or raises."""
    clock = Clock()
    async with httpx.AsyncClient(transport=httpx.MockTransport(service)) as http_client:
        limiter = MemoryRateLimiter(clock=clock, sleep=clock.sleep)
        client = ExistClient(auth, http_client=http_client, rate_limiter=limiter, clock=clock, sleep=clock.sleep)
        try:
            return await asyncio.wait_for(use(client), 60)
        except ExistAsyncError as error:
            return error


def check(end: Any) -> None:
    """Check that an end can be shown and pickled, and that what went wrong is told by an error of the tree."""
    again = pickle.loads(pickle.dumps(end))
    assert repr(again)
    if not isinstance(end, ExistAsyncError):
        assert again == end
        return
    assert type(again) is type(end)
    assert str(again) == str(end)
    assert str(end).strip()
    assert len(str(end)) < 10_000
    assert "".join(traceback.format_exception(end))
    if isinstance(end, BatchError):
        assert end.errors
        assert all(isinstance(error, ExistAsyncError) for error in end.errors)
    if end.result is not None:
        assert len(again.result) == len(end.result)


async def collected(items: Any) -> list[Any]:
    return [item async for item in items]


READS: dict[str, tuple[Any, Use]] = {
    "profile": (hostile.PROFILE, lambda exist: exist.profile.get()),
    "today": (hostile.PROFILE, lambda exist: exist.profile.today()),
    "templates": (hostile.page(hostile.TEMPLATE), lambda exist: collected(exist.attributes.templates())),
    "attributes": (hostile.page(hostile.ATTRIBUTE), lambda exist: exist.attributes.list().collect()),
    "pages": (hostile.page(hostile.ATTRIBUTE), lambda exist: collected(exist.attributes.owned().pages())),
    "get": (hostile.page(hostile.ATTRIBUTE), lambda exist: exist.attributes.get("mood")),
    "first": (hostile.page(hostile.ATTRIBUTE), lambda exist: exist.attributes.list().first()),
    "count": (hostile.page(hostile.ATTRIBUTE), lambda exist: exist.attributes.list().count()),
    "recent": (
        hostile.page(hostile.ATTRIBUTE | {"values": [hostile.VALUE]}),
        lambda exist: exist.values.recent(7).collect(),
    ),
    "values": (hostile.page(hostile.VALUE, hostile.VALUE), lambda exist: exist.values.of("mood").collect()),
    "averages": (hostile.page(hostile.AVERAGE), lambda exist: exist.averages.list().collect()),
    "correlations": (hostile.page(hostile.CORRELATION), lambda exist: exist.correlations.list().collect()),
    "combo": (hostile.CORRELATION, lambda exist: exist.correlations.between("mood", "steps")),
    "insights": (hostile.page(hostile.INSIGHT), lambda exist: exist.insights.list().collect()),
    "anything": (hostile.PROFILE, lambda exist: exist.request("GET", "new/", params={"a": "b"})),
}


@pytest.mark.parametrize("name", READS)
@examples(30)
@given(data=st.data())
def test_whatever_answers_a_read_ends_it(name: str, data: st.DataObject) -> None:
    document, use = READS[name]

    check(asyncio.run(ask(data.draw(answers(document)), use)))


START, END = dt.date(2026, 8, 1), dt.date(2026, 11, 20)
HISTORY_VALUES = [{"date": f"2026-{month:02}-20", "value": month} for month in (11, 10, 9, 8)]
HISTORIES: dict[str, Use] = {
    "all": lambda exist: collected(exist.values.history(START, END)),
    "one": lambda exist: collected(exist.values.history(START, END, attributes=["mood"])),
    "some": lambda exist: collected(exist.values.history(START, END, attributes=[f"tag_{n}" for n in range(5)])),
    "group": lambda exist: collected(exist.values.history(START, END, groups=["mood"])),
    "plan": lambda exist: exist.values.history(START, END).plan(),
}


@pytest.mark.parametrize("name", HISTORIES)
@examples(30)
@given(data=st.data())
def test_whatever_answers_a_history_ends_it(name: str, data: st.DataObject) -> None:
    listed = hostile.page(*({**hostile.ATTRIBUTE, "name": f"tag_{n}", "values": HISTORY_VALUES} for n in range(2)))
    given_answers = data.draw(answers(listed) | answers(hostile.page(*HISTORY_VALUES)))

    end = asyncio.run(ask(given_answers, HISTORIES[name]))

    check(end)
    if isinstance(end, list):
        # Each day of an attribute once, and only days that were asked for.
        assert len({(name, value.date) for name, value in end}) == len(end)
        assert all(START <= value.date <= END for _, value in end)


NAMES = ["mood", "mood", "steps"]
UPDATES = [ValueUpdate(name, dt.date(2026, 11, day), 5) for day, name in enumerate(NAMES, 18)]
INCREMENTS = [ValueIncrement(name, 5, dt.date(2026, 11, 20)) for name in NAMES]
ENSURED = [*map(ByName, NAMES), CustomAttribute("Tea", "custom", ValueType.BOOLEAN)]
ECHOES = [{"name": name, "date": f"2026-11-{day}", "value": 5, "current": 7} for day, name in enumerate(NAMES, 18)]
REFUSAL = {"name": "steps", "date": "2026-11-20", "value": 5, "error": "No.", "error_code": "unauthorised"}

WRITES: dict[str, tuple[list[Any], Use, list[Any]]] = {
    "create": (
        [hostile.ATTRIBUTE],
        lambda exist: exist.attributes.create([*NAMES, ENSURED[-1]]),  # type: ignore[list-item]
        [*NAMES, ENSURED[-1]],
    ),
    "acquire": ([hostile.ATTRIBUTE], lambda exist: exist.attributes.acquire(NAMES), NAMES),
    "acquire_echoes": (ECHOES, lambda exist: exist.attributes.acquire(NAMES, success_objects=False), NAMES),
    "release": (ECHOES, lambda exist: exist.attributes.release(NAMES), NAMES),
    "update": (ECHOES[:2], lambda exist: exist.values.update(UPDATES), UPDATES),
    "reacquire": (ECHOES[:2], lambda exist: exist.values.update(UPDATES, reacquire=True), UPDATES),
    "increment": (ECHOES[:2], lambda exist: exist.values.increment(INCREMENTS), INCREMENTS),
    "ensure": ([hostile.ATTRIBUTE], lambda exist: exist.attributes.ensure(ENSURED), ENSURED),
}
MANY = [ValueUpdate(f"tag_{n % 40}", dt.date(2026, 11, 20) - dt.timedelta(n // 40), n) for n in range(80)]
WRITES["many"] = (ECHOES, lambda exist: exist.values.update(iter(MANY)), MANY)


def check_outcomes(end: Any, items: list[Any]) -> None:
    check(end)
    result = end.result if isinstance(end, ExistAsyncError) else end
    assert isinstance(result, BatchResult)
    assert [outcome.index for outcome in result] == list(range(len(items)))
    for outcome, item in zip(result, items, strict=True):
        assert item in (outcome.item, getattr(outcome.item, "template", None), getattr(outcome.item, "name", None))
        assert (outcome.value is not None) == (outcome.status is OutcomeStatus.SUCCEEDED)
        assert outcome.cause is None or isinstance(outcome.cause, ExistAsyncError)
        assert str(outcome)


@pytest.mark.parametrize("name", WRITES)
@examples(30)
@given(data=st.data())
def test_whatever_answers_a_write_each_item_has_its_outcome(name: str, data: st.DataObject) -> None:
    entries, use, items = WRITES[name]
    documents = [{"success": entries, "failed": [REFUSAL]}]
    if name == "ensure":
        documents.append(hostile.page(hostile.ATTRIBUTE) | {"next": None})
    given_answers = data.draw(st.one_of(*map(answers, documents)))

    async def write() -> Any:
        # A stream is given anew each time.
        return await ask(given_answers, use)

    end = asyncio.run(write())

    if name == "many" and isinstance(end, ExistAsyncError) and end.result is not None:
        # What stops a write leaves the rest of a stream unread.
        check_outcomes(end, items[: len(end.result)])
    else:
        check_outcomes(end, items)


async def test_a_refusal_of_something_else_whose_value_is_a_list_answers_no_item() -> None:
    body = b'{"failed": [{"name": "steps", "value": [5]}, {"name": "tea", "value": {"a": [1]}}]}'

    end = await ask([(200, [], body)], lambda exist: exist.values.update(UPDATES[:1]))

    check_outcomes(end, UPDATES[:1])
    assert [outcome.status for outcome in end.result] == [OutcomeStatus.UNKNOWN]


@examples(50)
@given(st.sampled_from([1, 3]), st.integers(0, 400), st.sampled_from(["success", "failed"]), st.data())
def test_of_a_reply_with_many_more_entries_than_items_none_is_used(
    count: int, more: int, field: str, data: st.DataObject
) -> None:
    items = UPDATES[:count]
    answered = [{"name": item.name, "date": str(item.date), "value": item.value} for item in items]
    # One success and one failure for each item, and ten others, are still taken for an answer.
    others: Any = data.draw(st.sampled_from([{}, answered[0], REFUSAL, {"name": "tea"}]))
    entries = answered + (count + 11 + more) * [others]
    body = json.dumps({"success": [], "failed": []} | {field: entries}).encode()

    end = asyncio.run(ask([(200, [], body)], lambda exist: exist.values.update(items)))

    check_outcomes(end, items)
    assert {outcome.status for outcome in end.result} == {OutcomeStatus.UNKNOWN}


BESIDE_THE_POINT = sorted(hostile.ATTRIBUTE.keys() - {"name"})


@examples(100)
@given(st.dictionaries(st.sampled_from(BESIDE_THE_POINT), hostile.ODD, min_size=1, max_size=4))
def test_odd_fields_beside_the_point_do_not_spoil_a_reply(odd: dict[str, Any]) -> None:
    listed = [{**hostile.ATTRIBUTE, "name": "mood", **odd}, {**hostile.ATTRIBUTE, "name": "steps"}]
    body = hostile.written(hostile.page(*listed) | {"count": 2, "next": None}).encode()
    acquired = hostile.written({"success": listed, "failed": []}).encode()

    attributes = asyncio.run(ask([(200, [], body)], lambda exist: exist.attributes.list().collect()))
    result = asyncio.run(ask([(200, [], acquired)], lambda exist: exist.attributes.acquire(map(ByName, NAMES[1:]))))

    assert [attribute.name for attribute in attributes] == ["mood", "steps"]
    assert [outcome.value.name for outcome in result] == ["mood", "steps"]
    # What was left out is not there, and the rest is.
    for key, value in hostile.ATTRIBUTE.items():
        if key in ("label", "priority", "active"):
            assert getattr(attributes[1], key) == value
    check(attributes)


@examples(50)
@given(hostile.DATES_WITH_TIME, hostile.ODD)
def test_a_date_may_have_a_time_and_it_is_the_day_that_it_names(date: str, odd: Any) -> None:
    values = hostile.written(hostile.page({"date": date, "value": 5, "odd": odd}) | {"count": 1, "next": None})
    echo = {"name": "mood", "date": date, "value": 5, "current": odd}
    day = dt.date(2026, 11, 20)

    read = asyncio.run(ask([(200, [], values.encode())], lambda exist: exist.values.of("mood").collect()))
    reply = hostile.written({"success": [echo], "failed": []}).encode()
    written = asyncio.run(ask([(200, [], reply)], lambda exist: exist.values.update([ValueUpdate("mood", day, 5)])))

    assert [(value.date, value.value) for value in read] == [(day, 5)]
    assert [(outcome.status, outcome.value.date) for outcome in written] == [(OutcomeStatus.SUCCEEDED, day)]


class Listing:
    """A listing of attributes in pages, whose first requests get the given answers; all others get their page.

    Args:
        pages: Number of pages, of two attributes each.
        has_count: Whether it says how many attributes there are.
        first_answers: Names of the answers to the first requests, in order.
    """

    def __init__(self, pages: int, has_count: bool, first_answers: list[str]) -> None:
        self.names = [f"tag_{number}" for number in range(2 * pages)]
        self._count = len(self.names) if has_count else None
        self._first_answers = iter(first_answers)
        self._requests = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self._requests += 1
        assert self._requests <= _MOST_REQUESTS, "the listing does not end"
        # The service sends pages of two, whatever is asked for.
        number = int(request.url.params.get("page", "1"))
        names = self.names[2 * number - 2 : 2 * number]
        following = "https://exist.io/api/2/attributes/?page=2" if 2 * number < len(self.names) else None
        match next(self._first_answers, "well"):
            case "a proxy's 404":
                return httpx.Response(404, html="<h1>No upstream</h1>")
            case "the service's 404":
                return httpx.Response(404, json={"detail": "Invalid page."})
            case "503":
                return httpx.Response(503)
            case "cut":
                return httpx.Response(200, text='{"count": 6, "results": [{"name": "tag_0"}')
            case "empty" if following:
                # One without a `next` is the end, as the service says.
                names = []
            case "empty, and more to come":
                names, following = [], "https://exist.io/api/2/attributes/?page=3"
        results = [{"name": name, "values": [{"date": str(END), "value": 1}]} for name in names]
        return httpx.Response(200, json={"count": self._count, "next": following, "results": results})


FATES = ["well", "a proxy's 404", "the service's 404", "503", "cut", "empty", "empty, and more to come"]
LISTINGS: dict[str, Callable[[ExistClient], Awaitable[list[str]]]] = {}


def listing(read: Callable[[ExistClient], Awaitable[list[str]]]) -> Callable[[ExistClient], Awaitable[list[str]]]:
    LISTINGS[read.__name__] = read
    return read


@listing
async def collecting(exist: ExistClient) -> list[str]:
    return [attribute.name for attribute in await exist.attributes.list().collect()]


@listing
async def iterating(exist: ExistClient) -> list[str]:
    return [attribute.name async for attribute in exist.attributes.list()]


@listing
async def reading_history(exist: ExistClient) -> list[str]:
    return [name async for name, _ in exist.values.history(END, END)]


@pytest.mark.parametrize("read", LISTINGS)
@examples(60)
@given(st.integers(1, 5), st.lists(st.sampled_from(FATES), max_size=8))
def test_a_listing_with_missing_pages_is_whole_or_an_error(read: str, pages: int, first_answers: list[str]) -> None:
    service = Listing(pages, True, first_answers)

    end = asyncio.run(ask_service(service, LISTINGS[read]))

    check(end)
    assert isinstance(end, ExistAsyncError) or sorted(end) == sorted(service.names)


class Days:
    """Keeps values, refuses those above 9, and fails as is said, one request after another; then it is well."""

    def __init__(self, first_answers: list[str]) -> None:
        self.kept: dict[tuple[str, str], int] = {}
        self._first_answers = iter(first_answers)
        self._requests = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self._requests += 1
        assert self._requests <= _MOST_REQUESTS, "the write does not end"
        first_answer = next(self._first_answers, "well")
        if first_answer == "503 before":
            return httpx.Response(503)
        if first_answer == "no connection":
            raise httpx.ConnectError("no")
        items = json.loads(request.content)
        good = [item for item in items if item["value"] <= 9]
        for item in good:
            key = item["name"], item["date"]
            old = self.kept.get(key, 0) if request.url.path.endswith("increment/") else 0
            self.kept[key] = old + item["value"]
        if first_answer == "lost":
            raise httpx.ReadError("no")
        if first_answer == "503 after":
            return httpx.Response(503)
        refused = [{**item, "error_code": "validation", "error": "Too much."} for item in items if item not in good]
        if first_answer == "fewer":
            good = good[1:]
        return httpx.Response(200, json={"success": good[::-1], "failed": refused})


ROWS = st.tuples(st.sampled_from(["mood", "steps"]), st.integers(18, 20), st.integers(1, 12))
DAYS_FATES = st.lists(
    st.sampled_from(["well", "503 before", "503 after", "lost", "no connection", "fewer"]), max_size=6
)


@examples(100)
@given(st.lists(ROWS, min_size=1, max_size=12), DAYS_FATES)
def test_of_several_values_for_a_day_the_last_good_one_stays(
    rows: list[tuple[str, int, int]], first_answers: list[str]
) -> None:
    service = Days(first_answers)
    items = [ValueUpdate(name, dt.date(2026, 11, day), value) for name, day, value in rows]

    end = asyncio.run(ask_service(service, lambda exist: exist.values.update(items)))

    check_outcomes(end, items)
    outcomes = end.result if isinstance(end, ExistAsyncError) else end
    for key in {(item.name, item.date) for item in items}:
        same = [outcome for outcome in outcomes if (outcome.item.name, outcome.item.date) == key]
        succeeded = [outcome for outcome in same if outcome.status is OutcomeStatus.SUCCEEDED]
        superseded = [outcome for outcome in same if outcome.status is OutcomeStatus.SUPERSEDED]
        kept = service.kept.get((key[0], str(key[1])))
        assert len(succeeded) <= 1
        if succeeded:
            assert kept == succeeded[0].item.value
            # Whatever came after it was refused for itself.
            later = [outcome for outcome in same if outcome.index > succeeded[0].index]
            assert {outcome.status for outcome in later} <= {OutcomeStatus.REFUSED}
        elif kept is not None:
            assert any(outcome.status is OutcomeStatus.UNKNOWN for outcome in same)
        for outcome in superseded:
            assert succeeded
            assert outcome.index < succeeded[0].index


@examples(100)
@given(st.lists(ROWS, min_size=1, max_size=12), DAYS_FATES)
def test_of_several_increments_of_a_day_each_counts_once(
    rows: list[tuple[str, int, int]], first_answers: list[str]
) -> None:
    service = Days(first_answers)
    items = [ValueIncrement(name, value, dt.date(2026, 11, day)) for name, day, value in rows]

    end = asyncio.run(ask_service(service, lambda exist: exist.values.increment(items)))

    check_outcomes(end, items)
    outcomes = end.result if isinstance(end, ExistAsyncError) else end
    for key in {(item.name, item.date) for item in items}:
        same = [outcome for outcome in outcomes if (outcome.item.name, outcome.item.date) == key]
        sums = {
            status: sum(outcome.item.value for outcome in same if outcome.status is status)
            for status in (OutcomeStatus.SUCCEEDED, OutcomeStatus.UNKNOWN)
        }
        least = sums[OutcomeStatus.SUCCEEDED]
        assert least <= service.kept.get((key[0], str(key[1])), 0) <= least + sums[OutcomeStatus.UNKNOWN]
        assert all(outcome.status is not OutcomeStatus.SUPERSEDED for outcome in same)


FORMS: dict[str, tuple[Any, Callable[[OAuthApp], Awaitable[Any]]]] = {
    "exchange": (hostile.TOKEN, lambda app: app.exchange("a-code")),
    "refresh": (hostile.TOKEN, lambda app: app.refresh(OAuthToken("an-access-token", "a-refresh-token"))),
    "login": ({"token": "a-token"}, lambda app: SimpleToken.login("ada", "pw", http_client=app.http)),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("name", FORMS)
@examples(30)
@given(data=st.data())
def test_whatever_answers_a_form_gives_a_token_or_an_error(name: str, data: st.DataObject) -> None:
    document, use = FORMS[name]
    given_answers = data.draw(answers(document) | answers({"error": "invalid_grant", "error_description": "No."}))

    async def post() -> Any:
        clock = Clock()
        async with httpx.AsyncClient(transport=httpx.MockTransport(Service(given_answers))) as http_client:
            app = OAuthApp("an-id", "a-secret", "https://example.com/", http_client=http_client, sleep=clock.sleep)
            app.http = http_client  # type: ignore[attr-defined]
            try:
                return await use(app)
            except ExistAsyncError as error:
                return error

    end = asyncio.run(post())

    if isinstance(end, OAuthToken):
        assert OAuthToken.from_dict(end.to_dict()) == end
        assert BearerToken(end.access_token)
    elif not isinstance(end, SimpleToken):
        check(end)


@examples(30)
@given(answers(hostile.TOKEN), answers(hostile.PROFILE))
def test_whatever_answers_a_renewal_ends_the_call_that_waits_for_it(
    renewals: list[Answer], profiles: list[Answer]
) -> None:
    async def call() -> Any:
        clock = Clock()
        async with httpx.AsyncClient(transport=httpx.MockTransport(Service(renewals))) as http_client:
            app = OAuthApp("an-id", "a-secret", "https://example.com/", http_client=http_client, sleep=clock.sleep)
            store = MemoryTokenStore()
            await store.save("ada", OAuthToken("an-old-token", "a-refresh-token"))
            auth = OAuth2(app, store, "ada", clock=clock)
            return await ask([(401, [], b""), *profiles], lambda exist: exist.profile.get(), auth)

    end = asyncio.run(call())

    check(end)
    if isinstance(end, OAuthError):
        assert end.result is None


@examples(300)
@given(st.one_of(*(st.text(max_size=40), st.sampled_from(hostile._VALUES))))
@example("1 Jan 1 00:00 -0000")
@example("31 Dec 9999 23:59:59 -9999")
def test_a_retry_after_is_a_finite_number_from_0_or_nothing(value: str) -> None:
    seconds = responses.parse_retry_after(value, 1_800_000_000.0)

    assert seconds is None or 0 <= seconds < 1e12


@examples(200)
@given(hostile.STATUSES, hostile.HEADERS, hostile.bodies({"detail": "No.", "name": ["Wrong.", 7]}))
def test_each_answer_is_a_success_or_an_error_of_the_tree(
    status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    headers = [(name, value) for name, value in headers if name != b"Content-Encoding"]
    request = httpx.Request("GET", "https://exist.io/", headers={"Authorization": "Bearer a-token"})
    response = httpx.Response(status, headers=headers, content=body, request=request)

    for call in (Call("GET", "/"), Call("POST", "/", repeatable=False)):
        try:
            answer = responses.decode(response, call, bytes, 1_800_000_000.0)
        except ExistAsyncError as error:
            assert not 200 <= status < 300
            check(error)
        else:
            assert 200 <= status < 300
            assert answer == response.content


_STARTS = [
    *(b"HTTP/1.1 %d OK\r\n" % status for status in (100, 101, 199, 200, 204, 304, 404, 429, 500, 999)),
    *(
        b"HTTP/1.1 000 No\r\n",
        b"HTTP/1.1 abc\r\n",
        b"HTTP/9.9 200 OK\r\n",
        b"HTTP/1.0 200\r\n",
        b"ICY 200 OK\r\n",
        b"\r\n",
        b"",
    ),
]
_LINES = [
    *(
        b"Content-Length: 2\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Content-Length: \r\n",
    ),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Content-Encoding: gzip\r\n"),
    *(
        b"Content-Encoding: deflate\r\n",
        b"Connection: close\r\n",
        b"Connection: upgrade\r\nUpgrade: h2c\r\n",
        b"Set-Cookie: \xff=\x00\r\n",
    ),
    *(
        b": nameless\r\n",
        b"no colon\r\n",
        b" folded\r\n",
        b"Location: http://[\r\n",
        b"Retry-After: 0\r\n",
        b"X: " + b"x" * 9000 + b"\r\n",
    ),
]
_BODIES = [
    b"{}",
    b"2\r\n{}\r\n0\r\n\r\n",
    b"-2\r\n{}",
    b"fffffffffffffffff\r\n",
    b"\x1f\x8b",
    b"x\x9c",
    b"\0" * 50,
    b"HTTP/1.1 200 OK\r\n\r\n",
]


@examples(30)
@given(
    st.builds(
        lambda start, lines, end, body: start + b"".join(lines) + end + body,
        st.sampled_from(_STARTS) | st.binary(max_size=30),
        st.lists(st.sampled_from(_LINES) | st.binary(max_size=20), max_size=3),
        st.sampled_from([b"\r\n", b"\n", b""]),
        st.sampled_from(_BODIES) | st.binary(max_size=30),
    )
)
def test_whatever_comes_out_of_a_socket_ends_a_call(raw: bytes) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(raw)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def call() -> list[Any]:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ends: list[Any] = []
        async with server, ExistClient("a-token", base_url=url, max_retries=0, max_wait=0, timeout=5) as exist:
            for path in ("attributes/", "attributes/increment/"):
                try:
                    ends.append(await exist.request("GET" if path == "attributes/" else "POST", path))
                except ExistAsyncError as error:
                    ends.append(error)
        return ends

    for end in asyncio.run(call()):
        check(end)
