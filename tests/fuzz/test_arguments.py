"""Arbitrary arguments: wrong ones are refused before the network, and right ones arrive unchanged."""

import asyncio
import datetime as dt
import enum
import json
import math
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fuzz.hostile import examples
from hypothesis import given
from hypothesis import strategies as st

from exist_async import (
    BatchError,
    BatchResult,
    BearerToken,
    ByName,
    ByTemplate,
    ConfigurationError,
    CustomAttribute,
    ExistAsyncError,
    ExistClient,
    FileTokenStore,
    MemoryRateLimiter,
    MemoryTokenStore,
    OAuth2,
    OAuthApp,
    OAuthToken,
    PostgresTokenStore,
    RedisRateLimiter,
    RedisTokenStore,
    SimpleToken,
    SqliteRateLimiter,
    ValueIncrement,
    ValueType,
    ValueUpdate,
)

HUGE = 10**5000
"""A number that Python refuses to write out."""

DAY = dt.date(2026, 11, 20)
MOMENT = dt.datetime(2026, 11, 20, 20, tzinfo=dt.UTC)


class Nothing:
    """Of no type that anything takes."""


class Secretive(str):
    """A string as other libraries have them."""

    __slots__ = ()

    def __str__(self) -> str:
        return "not this"


class Colour(enum.Enum):
    RED = 1


def _broken() -> Iterator[str]:
    yield "mood"
    raise LookupError("the caller's own")


class Service:
    """Answers everything with what says nothing, and keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.method == "POST" and request.url.path.startswith("/api/2/attributes/"):
            return httpx.Response(200, json={"success": json.loads(request.content), "failed": []})
        return httpx.Response(200, json={"results": [], "username": "ada", "attribute": "a", "attribute2": "b"})


def outcome_of(use: Callable[[ExistClient], Any], **options: Any) -> tuple[Any, list[httpx.Request]]:
    """Return what a call returns or raises of the tree, and the requests that it made."""
    service = Service()

    async def call() -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(service)) as http_client:
            given = {"auth": "a-token", "http_client": http_client, "rate_limiter": None, "max_retries": 0}
            try:
                end = use(ExistClient(**given | options))
                if hasattr(end, "__aiter__"):
                    return [each async for each in end]
                return await end if isinstance(end, Awaitable) else end
            except ExistAsyncError as error:
                return error

    return asyncio.run(call()), service.requests


def refused(make: Callable[[], Any]) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert str(caught.value)
    return caught.value


# Wrong for everything but what takes any of its kind.
ANY = [Nothing(), Nothing, 1j, Colour.RED, HUGE, -HUGE, math.nan, Decimal(1), Fraction(1, 3), b"mood", range(0), print]

TEXT = [
    *(*ANY, None, 7, True, 1.5, []),
    *("", " ", "\t", "a\0b", "a\nb", "a\r\nX: y", "\ud800", "\udfff\ud800", "\x7f"),
]
FILTER = [
    *(each for each in TEXT if each is not None),
    *([7], [None], [HUGE], [""], ["a,b"], ["mood", "\0"], ["\ud800"], [b"mood"], (), iter(()), {}, "mood", DAY),
]
FLAG = [*ANY, None, 0, 1, "", "true", "false", [], 1.0]
MAYBE_FLAG = [each for each in FLAG if each is not None]
DATE = [
    *ANY,
    None,
    7,
    True,
    20261120,
    "2026-11-20",
    "",
    MOMENT,
    MOMENT.replace(tzinfo=None),
    dt.time(1),
    dt.timedelta(1),
    [DAY],
]
MAYBE_DATE = [each for each in DATE if each is not None]
WHOLE = [*ANY, None, True, False, -1, 2**31, 2**63, 1.0, 7.5, "7", "", [], math.inf]
SIZE = [*WHOLE, 0, 101]
SECONDS = [*ANY, None, True, -1, -0.1, 2**31, 1e300, math.inf, -math.inf, "30", "", [], dt.timedelta(1)]
POSITIVE = [*SECONDS, 0, 0.0]
FUNCTION = [each for each in [*ANY, 7, "", "print", [], True] if not callable(each)]
ITEMS = [
    *(each for each in ANY if each != range(0)),
    None,
    7,
    True,
    "mood",
    "",
    b"",
    bytearray(b"mood"),
    {},
    {"mood": 1},
]
TOKEN = [*ANY, 7, True, [], "", " ", "a b", "a\r\nX: y", "a\n", "\0", "tökén", "\ud800", "Bearer a", "a\t", "٣"]
NAME_ITEM = [*TEXT, {"name": "mood"}, ValueUpdate("mood", DAY, 5)]
VALUE_ITEM = [*ANY, None, 7, "mood", ("mood", DAY, 5), {"name": "mood"}, ByName("mood")]

Call = Callable[[ExistClient, Any], Any]

CALLS: dict[str, tuple[Call, list[Any]]] = {
    "templates groups": (lambda exist, x: exist.attributes.templates(groups=x), FILTER),
    "templates flag": (lambda exist, x: exist.attributes.templates(include_low_priority=x), FLAG),
    "templates page_size": (lambda exist, x: exist.attributes.templates(page_size=x), SIZE),
    "list groups": (lambda exist, x: exist.attributes.list(groups=x), FILTER),
    "list attributes": (lambda exist, x: exist.attributes.list(attributes=x), FILTER),
    "list exclude_custom": (lambda exist, x: exist.attributes.list(exclude_custom=x), FLAG),
    "list manual": (lambda exist, x: exist.attributes.list(manual=x), MAYBE_FLAG),
    "list include_inactive": (lambda exist, x: exist.attributes.list(include_inactive=x), FLAG),
    "list owned": (lambda exist, x: exist.attributes.list(owned=x), FLAG),
    "list page_size": (lambda exist, x: exist.attributes.list(page_size=x), SIZE),
    "owned attributes": (lambda exist, x: exist.attributes.owned(attributes=x), FILTER),
    "owned manual": (lambda exist, x: exist.attributes.owned(manual=x), MAYBE_FLAG),
    "owned include_low_priority": (lambda exist, x: exist.attributes.owned(include_low_priority=x), FLAG),
    "get": (lambda exist, x: exist.attributes.get(x), [*TEXT, "a,b"]),
    "create items": (lambda exist, x: exist.attributes.create(x), ITEMS),
    "create item": (lambda exist, x: exist.attributes.create(["mood", x]), [*NAME_ITEM, ByName("mood")]),
    "create success_objects": (lambda exist, x: exist.attributes.create(["mood"], success_objects=x), FLAG),
    "create on_outcome": (lambda exist, x: exist.attributes.create(["mood"], on_outcome=x), FUNCTION),
    "acquire items": (lambda exist, x: exist.attributes.acquire(x), ITEMS),
    "acquire item": (lambda exist, x: exist.attributes.acquire(["mood", x]), NAME_ITEM),
    "acquire flag": (lambda exist, x: exist.attributes.acquire(["mood"], allow_user_defined=x), FLAG),
    "acquire on_outcome": (lambda exist, x: exist.attributes.acquire(["mood"], on_outcome=x), FUNCTION),
    "release items": (lambda exist, x: exist.attributes.release(x), ITEMS),
    "release item": (lambda exist, x: exist.attributes.release(["mood", x]), [*NAME_ITEM, ByTemplate("mood")]),
    "release on_outcome": (lambda exist, x: exist.attributes.release(["mood"], on_outcome=x), FUNCTION),
    "ensure items": (lambda exist, x: exist.attributes.ensure(x), ITEMS),
    "ensure item": (lambda exist, x: exist.attributes.ensure(["mood", x]), NAME_ITEM),
    "ensure stream": (lambda exist, x: exist.attributes.ensure(iter(["mood", x])), NAME_ITEM),
    "ensure on_outcome": (lambda exist, x: exist.attributes.ensure(["mood"], on_outcome=x), FUNCTION),
    "of name": (lambda exist, x: exist.values.of(x), TEXT),
    "of date_max": (lambda exist, x: exist.values.of("mood", date_max=x), MAYBE_DATE),
    "of page_size": (lambda exist, x: exist.values.of("mood", page_size=x), SIZE),
    "recent days": (lambda exist, x: exist.values.recent(x), [*WHOLE, 0, 32]),
    "recent date_max": (lambda exist, x: exist.values.recent(1, x), MAYBE_DATE),
    "recent templates": (lambda exist, x: exist.values.recent(templates=x), FILTER),
    "recent manual": (lambda exist, x: exist.values.recent(manual=x), MAYBE_FLAG),
    "history start": (lambda exist, x: exist.values.history(x, DAY), [*DATE, dt.date.max]),
    "history end": (lambda exist, x: exist.values.history(DAY, x), [*DATE, dt.date.min]),
    "history attributes": (lambda exist, x: exist.values.history(DAY, DAY, attributes=x), FILTER),
    "history groups": (lambda exist, x: exist.values.history(DAY, DAY, groups=x), FILTER),
    "update items": (lambda exist, x: exist.values.update(x), ITEMS),
    "update item": (lambda exist, x: exist.values.update([x]), [*VALUE_ITEM, ValueIncrement("mood", 5, DAY)]),
    "update reacquire": (lambda exist, x: exist.values.update([], reacquire=x), FLAG),
    "update on_outcome": (lambda exist, x: exist.values.update([], on_outcome=x), FUNCTION),
    "increment items": (lambda exist, x: exist.values.increment(x), ITEMS),
    "increment item": (lambda exist, x: exist.values.increment([x]), [*VALUE_ITEM, ValueUpdate("mood", DAY, 5)]),
    "increment reacquire": (lambda exist, x: exist.values.increment([], reacquire=x), FLAG),
    "increment on_outcome": (lambda exist, x: exist.values.increment([], on_outcome=x), FUNCTION),
    "averages date_min": (lambda exist, x: exist.averages.list(date_min=x), MAYBE_DATE),
    "averages date_max": (lambda exist, x: exist.averages.list(date_max=x), MAYBE_DATE),
    "averages groups": (lambda exist, x: exist.averages.list(groups=x), FILTER),
    "averages flag": (lambda exist, x: exist.averages.list(include_historical=x), FLAG),
    "averages page_size": (lambda exist, x: exist.averages.list(page_size=x), SIZE),
    "correlations strong": (lambda exist, x: exist.correlations.list(strong=x), FLAG),
    "correlations confident": (lambda exist, x: exist.correlations.list(confident=x), FLAG),
    "correlations attribute": (
        lambda exist, x: exist.correlations.list(attribute=x),
        [each for each in TEXT if each is not None],
    ),
    "between first": (lambda exist, x: exist.correlations.between(x, "mood"), TEXT),
    "between second": (lambda exist, x: exist.correlations.between("mood", x), TEXT),
    "insights date_min": (lambda exist, x: exist.insights.list(date_min=x), MAYBE_DATE),
    "insights priority": (
        lambda exist, x: exist.insights.list(priority=x),
        [each for each in [*SIZE, 5] if each is not None],
    ),
    "pages start": (lambda exist, x: exist.attributes.list().pages(x), [*WHOLE, 0, 10_001]),
    "request path": (
        lambda exist, x: exist.request("GET", x),
        [*TEXT, "..", "../", "a/../b", "./a", "%2e%2e/a", "a\\..\\b"],
    ),
    "request method": (
        lambda exist, x: exist.request(x, "a/"),
        [*TEXT, "GET ", "G3T", "GET\r\nX: y", "GÉT"],
    ),
    "request params": (
        lambda exist, x: exist.request("GET", "a/", params=x),
        [
            *ANY,
            7,
            "a=b",
            [("a", "b")],
            {7: "a"},
            {"a": True},
            {"a": math.nan},
            {"a": HUGE},
            {"a": None},
            {"a": "\ud800"},
            {"a\0": "b"},
        ],
    ),
    "request json": (
        lambda exist, x: exist.request("POST", "a/", json=x),
        [Nothing(), Nothing, 1j, math.nan, math.inf, [math.nan], {"a": math.inf}, HUGE, "\ud800", {"\ud800": 1}, print],
    ),
    "with_options": (lambda exist, x: exist.with_options(**{x: 1}), ["proxy", "verify", "http_client", "nonsense", ""]),
}
OPTIONS: dict[str, list[Any]] = {
    "timeout": POSITIVE,
    "deadline": [each for each in POSITIVE if each is not None],
    "max_wait": [each for each in SECONDS if each is not None],
    "max_retries": WHOLE,
    "concurrency": [*WHOLE, 0],
    "rate_limiter": [*ANY, 7, True, "", []],
    "on_event": FUNCTION,
    "auth": TOKEN,
    "base_url": [
        *ANY,
        7,
        "",
        "exist.io",
        "//evil",
        "http://exist.io",
        "ftp://exist.io",
        "https://",
        "https:evil",
    ],
}
OPTIONS["base_url"] += [
    f"https://{rest}"
    for rest in (
        *(
            "user@exist.io",
            ":pw@exist.io",
            "user:pw@exist.io",
            "exist.io@evil",
            "exist.io\\@evil",
            "exist.io//",
            "exist.io/api",
        ),
        *(
            "exist.io?a",
            "exist.io?",
            "exist.io#a",
            "exist.io#",
            "exist.io:99999",
            "exist.io:-1",
            "exist.io:a",
            "[",
            "[::1",
            "]",
        ),
        *(
            "exist .io",
            "exist.io\r\n",
            "exist.io\0",
            "\ud800",
            "exist\u2100.io",
            "/exist.io",
            "a" * 70_000,
            "?evil",
        ),
    )
]
CALLS |= {
    f"with_options {name}": (lambda exist, x, name=name: exist.with_options(**{name: x}), wrong)  # type: ignore[misc]
    for name, wrong in OPTIONS.items()
}
OWN: dict[str, list[Any]] = {
    "max_connections": [*WHOLE, 0],
    "proxy": [
        *ANY,
        7,
        "",
        "proxy",
        "proxy:3128",
        "socks5://a:1",
        "http://",
        "http://a:99999",
        "http://[",
        "//a",
        "http://a:0",
    ],
    "verify": [*ANY, None, 1, 0, "", "/a.pem"],
    "trust_env": FLAG,
    "http_client": [*ANY, 7, "", httpx.AsyncClient, httpx.MockTransport(lambda _: None)],  # type: ignore[arg-type,return-value]
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_argument_is_refused_before_anything_is_sent(name: str) -> None:
    call, wrong = CALLS[name]

    for value in wrong:
        end, requests = outcome_of(lambda exist, value=value: call(exist, value))  # type: ignore[misc]
        assert isinstance(end, ConfigurationError), (type(value), end)
        assert not requests


@pytest.mark.parametrize("name", [*OPTIONS, *OWN])
def test_a_wrong_option_is_refused_at_once(name: str) -> None:
    for value in {**OPTIONS, **OWN}[name]:
        refused(lambda value=value: ExistClient(**{"auth": "a-token", name: value}))  # type: ignore[misc]


APP = OAuthApp("an-id", "a-secret", "https://example.com/")
WINDOW: dict[str, list[Any]] = {"limit": [*WHOLE, 0], "period": POSITIVE, "max_waiting": [*WHOLE, 0]}
STORED: dict[str, list[Any]] = {**WINDOW, "timeout": POSITIVE, "when_unavailable": [7, "", None, "STOP", [], HUGE]}
POSTGRES_URL = [*ANY, None, 7, "", "localhost", "http://a", "postgresql://[", "postgresql://a/?nonsense=1", "host='"]
REDIS_URL = [*ANY, None, 7, "", "localhost", "http://a", "redis://a:b", "redis://[", "redis://a/?nonsense=1"]

CONSTRUCTORS: dict[str, tuple[Callable[..., Any], dict[str, Any], dict[str, list[Any]]]] = {
    "OAuthApp": (
        OAuthApp,
        {"client_id": "an-id", "client_secret": "a-secret", "redirect_uri": "https://example.com/"},
        {
            "client_id": [*TOKEN, None],
            "client_secret": [*TOKEN, None],
            "redirect_uri": [*TEXT, "example.com", "/", "https://[", "https://a#b", "https://a b", "https://é/"],
            "base_url": OPTIONS["base_url"],
            "http_client": OWN["http_client"],
            "clock": [*FUNCTION, None],
        },
    ),
    "OAuth2": (
        OAuth2,
        {"app": APP, "store": MemoryTokenStore(), "user": "ada"},
        {
            "app": [*ANY, None, 7, "", OAuthApp],
            "store": [*ANY, None, 7, ""],
            "user": TEXT,
            "on_change": FUNCTION,
            "clock": [*FUNCTION, None],
        },
    ),
    "OAuthToken": (
        OAuthToken,
        {"access_token": "a"},
        {
            "access_token": [*TOKEN, None],
            "refresh_token": TOKEN,
            "expires_at": [*ANY, 7, "", DAY, dt.datetime(2026, 11, 20)],  # noqa: DTZ001
        },
    ),
    "BearerToken": (BearerToken, {}, {"token": [*TOKEN, None]}),
    "SimpleToken": (SimpleToken, {}, {"token": [*TOKEN, None]}),
    "ByName": (ByName, {"name": "mood"}, {"name": TEXT, "manual": MAYBE_FLAG}),
    "ByTemplate": (ByTemplate, {"template": "mood"}, {"template": TEXT, "manual": MAYBE_FLAG}),
    "CustomAttribute": (
        CustomAttribute,
        {"label": "Tea", "group": "custom", "value_type": 7},
        {"label": TEXT, "group": TEXT, "value_type": [*WHOLE, 6], "manual": MAYBE_FLAG},
    ),
    "ValueUpdate": (
        ValueUpdate,
        {"name": "mood", "date": DAY, "value": 5},
        {
            "name": TEXT,
            "date": DATE,
            "value": [
                *(None, math.nan, math.inf, -math.inf, HUGE, -HUGE, 2**63, Decimal(1), 1j, [], {}, Nothing(), "\ud800"),
                *(DAY, dt.timedelta(1), dt.time(1), b"5", Fraction(10**400), Fraction(-(10**400)), Fraction(HUGE)),
            ],
        },
    ),
    "ValueIncrement": (
        ValueIncrement,
        {"name": "mood", "value": 5},
        {
            "name": TEXT,
            "date": MAYBE_DATE,
            "value": [None, math.nan, math.inf, HUGE, 2**63, Decimal(1), 1j, [], Nothing(), "5", "", Fraction(10**400)],
        },
    ),
    "FileTokenStore": (
        FileTokenStore,
        {},
        {"path": [*ANY, None, 7, "", "a\0b", "\ud800", b"a", [], "~nobody-of-this-name/a"]},
    ),
    "MemoryRateLimiter": (MemoryRateLimiter, {}, WINDOW),
    "SqliteRateLimiter": (
        SqliteRateLimiter,
        {"path": "a.db"},
        {**STORED, "path": [*ANY, None, 7, "", "a\0b", "\ud800"]},
    ),
    "RedisRateLimiter": (RedisRateLimiter, {"redis": "redis://a"}, {**STORED, "redis": REDIS_URL, "prefix": TEXT}),
    "RedisTokenStore": (
        RedisTokenStore,
        {"redis": "redis://a"},
        {"redis": REDIS_URL, "prefix": TEXT, "timeout": POSITIVE, "lease": [*POSITIVE, 1.0]},
    ),
    "PostgresTokenStore": (
        PostgresTokenStore,
        {"postgres": "postgresql://a"},
        {"postgres": POSTGRES_URL, "schema": [*TEXT, "a" * 64], "timeout": POSITIVE},
    ),
}


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_nothing_is_made_of_a_wrong_argument(name: str) -> None:
    make, right, wrongs = CONSTRUCTORS[name]
    if right:
        make(**right)

    for argument, wrong in wrongs.items():
        for value in wrong:
            error = refused(lambda argument=argument, value=value: make(**right | {argument: value}))  # type: ignore[misc]
            if argument in ("access_token", "refresh_token", "client_secret", "token") and isinstance(value, str):
                assert len(value) < 4 or value not in str(error), "a secret is not quoted"


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        (lambda app, x: asyncio.to_thread(app.authorization_url, x), [each for each in FILTER if each != ["a,b"]]),
        (lambda app, x: app.exchange(x), [*ANY, None, 7, "", " ", "a b", "code=a", "\ud800", "http://[?code=a", "é"]),
        (lambda app, x: app.exchange("https://example.com/?code=a&state=b", state=x), [*ANY, 7, True, [], MOMENT]),
        (lambda app, x: app.exchange("a-code", state=x), ["a", "", 7]),
        (lambda app, x: app.refresh(x), [*ANY, None, 7, "", "a-token", {"refresh_token": "a"}, OAuthToken]),
    ],
)
async def test_an_app_asks_for_nothing_with_a_wrong_argument(call: Any, wrong: list[Any]) -> None:
    service = Service()
    async with httpx.AsyncClient(transport=httpx.MockTransport(service)) as http_client:
        app = OAuthApp("an-id", "a-secret", "https://example.com/", http_client=http_client)
        for value in wrong:
            with pytest.raises(ConfigurationError):
                await call(app, value)
    assert not service.requests


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        ("username", TEXT),
        ("password", [*ANY, None, 7, True, "", [], "a\ud800"]),
        ("base_url", OPTIONS["base_url"]),
        ("http_client", OWN["http_client"]),
    ],
)
async def test_nobody_signs_in_with_a_wrong_argument(argument: str, wrong: list[Any]) -> None:
    service = Service()
    async with httpx.AsyncClient(transport=httpx.MockTransport(service)) as http_client:
        for value in wrong:
            right = {"username": "ada", "password": "pw", "http_client": http_client}
            with pytest.raises(ConfigurationError):
                await SimpleToken.login(**right | {argument: value})
    assert not service.requests


KNOWN = [each for each in ValueType if each is not ValueType.STRING]
NO_VALUE = [Nothing(), 1j, HUGE, -HUGE, math.nan, math.inf, Decimal(1), Fraction(HUGE), b"5", DAY, [], "5", Colour.RED]


@pytest.mark.parametrize("value_type", KNOWN)
@pytest.mark.parametrize("number", range(len(NO_VALUE)))
def test_a_value_type_refuses_what_is_no_value_of_it(value_type: ValueType, number: int) -> None:
    refused(lambda: value_type.to_python(NO_VALUE[number]))
    refused(lambda: value_type.from_python(NO_VALUE[number]))


@examples(100)
@given(st.sampled_from(list(ValueType)), st.integers() | st.floats() | st.timedeltas() | st.times() | st.text())
def test_a_value_type_takes_a_value_or_refuses_it(value_type: ValueType, value: Any) -> None:
    for convert in (value_type.to_python, value_type.from_python):
        try:
            convert(value)
        except ConfigurationError:
            continue


# --- What is right arrives as it is.

GOOD_TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=30).filter(str.strip)
ODD_TEXT = st.sampled_from(
    ["a,b", "a/b", "../..", "%2e%2e", "a%20b", "a&b=c", "a+b", "?", "#", "🍵", "é", "'", '"', "\\", "a b", "‮"]
)
NAMES = GOOD_TEXT | ODD_TEXT


@examples(100)
@given(NAMES, NAMES)
def test_names_arrive_as_they_are_and_lead_nowhere_else(name: str, other: str) -> None:
    async def everything(exist: ExistClient) -> None:
        await exist.attributes.acquire([ByName(Secretive(name))], success_objects=False)
        await exist.values.of(name).first()
        await exist.correlations.between(name, other)
        await exist.request("GET", "a/", params={name: other})

    _, (acquire, values, between, anything) = outcome_of(everything)

    assert json.loads(acquire.content) == [{"name": name}]
    assert values.url.params.multi_items() == [("attribute", name), ("limit", "1")]
    assert between.url.params.multi_items() == [("attribute", name), ("attribute2", other)]
    assert anything.url.params.multi_items() == [(name, other)]
    assert [request.url.path for request in (acquire, values, between, anything)] == [
        "/api/2/attributes/acquire/",
        "/api/2/attributes/values/",
        "/api/2/correlations/combo/",
        "/api/2/a/",
    ]


@examples(60)
@given(st.lists(NAMES.filter(lambda name: "," not in name), min_size=1, max_size=5))
def test_the_names_of_a_filter_arrive_as_they_are(names: list[str]) -> None:
    _, (request,) = outcome_of(lambda exist: exist.attributes.list(groups=iter(names)))

    assert request.url.params["groups"].split(",") == names


@examples(150)
@given(
    st.lists(
        st.sampled_from(["..", ".", "/", "//", "a", "%2e", "%2f", "\\", "?", "#", "@", ":", "evil", "é", "%", " "])
    ).map("".join)
    | st.text(max_size=20)
)
def test_a_path_leads_below_the_api_or_nowhere(path: str) -> None:
    end, requests = outcome_of(lambda exist: exist.request("GET", path))

    if isinstance(end, ConfigurationError):
        assert not requests
    else:
        (request,) = requests
        assert (request.url.scheme, request.url.host, request.url.userinfo, request.url.query) == (
            "https",
            "exist.io",
            b"",
            b"",
        )
        assert request.url.raw_path.startswith(b"/api/2/")
        assert request.headers.raw[0] == (b"Host", b"exist.io")


@examples(150)
@given(
    st.sampled_from(["https://", "http://", "HTTPS://", "https:", "//", "https:///", "ftp://", ""]),
    st.sampled_from(["", "", "", "user@", "user:pw@", "@", "exist.io@", "exist.io\\@"]),
    st.sampled_from(
        ["exist.io", "localhost", "127.0.0.1", "[::1]", "bücher.example", "EXIST.io", "evil", "exist.io.", "%41", "1"]
    )
    | st.text(max_size=8),
    st.sampled_from(["", "", "", ":443", ":8080", ":0", ":99999", ":a", ":"]),
    st.sampled_from(["", "", "", "/", "/api", "?", "?a=b", "#", "#a", "\\", "/..//evil", "\t", " "]),
)
def test_a_token_goes_to_the_origin_that_was_given_or_nowhere(
    scheme: str, userinfo: str, host: str, port: str, rest: str
) -> None:
    base_url = f"{scheme}{userinfo}{host}{port}{rest}"

    end, requests = outcome_of(lambda exist: exist.profile.get(), base_url=base_url)

    if not isinstance(end, ConfigurationError):
        (request,) = requests
        wanted = httpx.URL(base_url)
        assert "@" not in base_url
        assert urlsplit(base_url).hostname is not None
        assert (request.url.scheme, request.url.host, request.url.port) == (wanted.scheme, wanted.host, wanted.port)
        assert request.url.path == "/api/2/accounts/profile/"
        assert request.url.scheme == "https" or request.url.host in ("localhost", "127.0.0.1", "::1")
    else:
        assert not requests
        assert "pw" not in str(end)


@examples(100)
@given(st.text(st.characters(max_codepoint=300), min_size=1, max_size=20) | st.text(min_size=1, max_size=20))
def test_a_token_is_sent_as_it_is_or_refused_without_being_quoted(token: str) -> None:
    end, requests = outcome_of(lambda exist: exist.profile.get(), auth=token)

    if isinstance(end, ConfigurationError):
        assert not requests
        assert len(token) < 5 or token not in str(end)
    else:
        assert requests[0].headers.raw[-1] == (b"Authorization", b"Bearer " + token.encode())


@examples(100)
@given(
    st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.text(st.characters(exclude_categories=("Cs",)))
    | st.fractions().map(lambda each: Fraction(each)),
    st.dates(),
)
def test_values_and_days_arrive_as_they_are(value: Any, date: dt.date) -> None:
    _, (request,) = outcome_of(lambda exist: exist.values.update([ValueUpdate("mood", date, value)]))

    expected = float(value) if isinstance(value, Fraction) else value
    assert json.loads(request.content) == [{"name": "mood", "date": date.isoformat(), "value": expected}]


@examples(100)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.binary() | st.decimals(),
        lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text() | st.integers(), inside, max_size=3),
        max_leaves=8,
    )
)
def test_json_of_any_kind_arrives_as_it_is_or_is_refused(document: Any) -> None:
    end, requests = outcome_of(lambda exist: exist.request("POST", "new/", json=document))

    if isinstance(end, ConfigurationError):
        assert not requests
    elif document is not None:
        json.loads(requests[0].content, parse_constant=lambda constant: pytest.fail(constant))


# --- Items, in whatever they come.


async def stream(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


CONTAINERS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "dict's keys": lambda items: dict.fromkeys(items).keys(),
    "iterator": iter,
    "generator": lambda items: (item for item in items),
    "map": lambda items: map(ByName, [item.name for item in items]),
    "async generator": stream,
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("count", [0, 1, 35, 36])
def test_items_come_in_anything_that_can_be_iterated(container: str, count: int) -> None:
    items = [ByName(f"tag_{n}") for n in range(count)]

    def acquire(exist: ExistClient) -> Any:
        return exist.attributes.acquire(CONTAINERS[container](items), success_objects=False)

    end, requests = outcome_of(acquire)

    assert isinstance(end, BatchResult)
    assert [outcome.item for outcome in end] == items
    assert end.ok
    assert [len(json.loads(request.content)) for request in requests] == [
        size for size in (min(count, 35), count - 35) if size > 0
    ]


@pytest.mark.slow
def test_a_hundred_thousand_items_have_their_outcomes() -> None:
    items = [ValueUpdate(f"tag_{n % 1000}", DAY - dt.timedelta(n // 1000), n) for n in range(100_000)]

    end, requests = outcome_of(lambda exist: exist.values.update(items))

    assert end.ok
    assert len(end) == 100_000
    assert [outcome.index for outcome in end] == list(range(100_000))
    assert len(requests) == -(-100_000 // 35)


@pytest.mark.slow
def test_one_wrong_item_behind_a_hundred_thousand_is_found_before_anything_is_sent() -> None:
    end, requests = outcome_of(lambda exist: exist.attributes.acquire([*(["mood"] * 100_000), "a\0b"]))

    assert isinstance(end, ConfigurationError)
    assert "items[100000]" in str(end)
    assert len(end.result or ()) == 100_000
    assert not requests


class Lying(list[Any]):
    """A list whose iteration fails."""

    def __iter__(self) -> Iterator[Any]:
        return 7  # type: ignore[return-value]


@pytest.mark.parametrize("items", [_broken, lambda: Lying(["mood"]), lambda: stream(None)])  # type: ignore[arg-type]
def test_an_iterable_that_fails_stops_a_write_with_its_own_error(items: Callable[[], Any]) -> None:
    end, requests = outcome_of(lambda exist: exist.attributes.acquire(items()))

    assert isinstance(end, BatchError)
    assert not isinstance(end.errors[0], ExistAsyncError)
    assert end.__cause__ is end.errors[0]
    assert not requests


JUNK = st.one_of(
    *(st.sampled_from(each) for each in (TEXT, FILTER, DATE, WHOLE, SECONDS, ITEMS, TOKEN, VALUE_ITEM)),
    st.from_type(object).filter(lambda each: not isinstance(each, Iterator)),
)


@pytest.mark.parametrize("name", [name for name in CALLS if not name.startswith("with_options")])
@examples(6)
@given(data=st.data())
def test_anything_at_all_ends_in_a_result_or_in_an_error_of_the_tree(name: str, data: st.DataObject) -> None:
    value = data.draw(JUNK)

    end, requests = outcome_of(lambda exist: CALLS[name][0](exist, value))

    assert not (isinstance(end, ConfigurationError) and requests)


def test_numbers_too_long_to_be_written_out_are_what_this_python_refuses() -> None:
    assert 0 < sys.get_int_max_str_digits() < 5000
    with pytest.raises(ValueError, match="Exceeds the limit"):
        str(HUGE)
