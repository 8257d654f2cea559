"""Documents that a service should not send, made of those that it does."""

import copy
import json
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# More of it finds more: EXIST_FUZZ_TIMES=30 pytest tests/fuzz
_TIMES = int(os.environ.get("EXIST_FUZZ_TIMES", "1"))


def examples(count: int) -> settings:
    """Return the settings of a test with so many examples."""
    unhealthy = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=_TIMES * count, deadline=None, suppress_health_check=unhealthy)


GROUP = {"name": "mood", "label": "Mood", "priority": 2}
ATTRIBUTE = {
    "template": "mood",
    "name": "mood",
    "label": "Mood",
    "group": GROUP,
    "service": {"name": "exist_for_android", "label": "Exist for Android"},
    "active": True,
    "priority": 1,
    "manual": True,
    "value_type": 8,
    "value_type_description": "Scale",
    "available_services": [{"name": "exist_for_android", "label": "Exist for Android"}],
}
TEMPLATE = {key: ATTRIBUTE[key] for key in ("name", "label", "group", "priority", "value_type")}
VALUE = {"date": "2026-11-20", "value": 5}
PROFILE = {
    "username": "ada",
    "first_name": "Ada",
    "timezone": "Australia/Melbourne",
    "local_time": "2026-11-21T07:00:00.123456+11:00",
    "imperial_distance": False,
    "trial": False,
}
AVERAGE = {"user_attribute": "mood", "date": "2026-11-20", "overall": 5.0, "monday": 4, "sunday": None}
CORRELATION = {
    "date": "2026-11-20",
    "period": 310,
    "offset": 0,
    "attribute": "mood",
    "attribute2": "steps",
    "value": -0.3,
    "p": 1e-07,
    "percentage": 30.1,
    "stars": 5,
    "second_person": "You have a better day when you walk more.",
    "second_person_elements": ["You have", "a better day"],
    "attribute_category": None,
    "rating": {"positive": True, "rating_type": 50, "rating": "Useful"},
}
INSIGHT = {
    "created": "2026-11-20T05:00:01Z",
    "target_date": "2026-11-19",
    "type": {"name": "dow_mood", "period": 7, "priority": 2, "attribute": TEMPLATE},
    "html": "<b>5</b>",
    "text": "5\r\n",
}
TOKEN = {"access_token": "an-access-token", "token_type": "Bearer", "expires_in": 31536000, "refresh_token": "another"}


def page(*results: Any) -> dict[str, Any]:
    """Return a page of a listing that has another one."""
    return {
        "count": 2 * len(results),
        "next": "https://exist.io/api/2/attributes/?page=2",
        "previous": None,
        "results": list(results),
    }


class Raw(str):
    """A value that is inserted into a document unchanged."""

    __slots__ = ()


class Object(list[tuple[str, Any]]):
    """An object whose keys may come more than once."""


WORDS = st.sampled_from(["", "mood", "name", "results", "success", "failed", "error", "detail", "count", "next", "\0"])
LEAVES = st.one_of(
    st.sampled_from(
        [
            Raw(text)
            for text in (
                *("null", "true", "false", "0", "-1", "7", "1.0", "1.5", "-0", "1e5", "1e-400"),
                *(
                    "NaN",
                    "Infinity",
                    "-Infinity",
                    "1e999",
                    "-1e999",
                    "9" * 5000,
                    "-" + "9" * 30,
                    "9" * 19,
                    "1" + "0" * 18,
                ),
                *(
                    '""',
                    '"mood"',
                    '"7"',
                    '"true"',
                    '"\\u0000"',
                    '"\\ud800"',
                    '"\\udc00\\ud800"',
                    '"\ud800"',
                    '"\\x"',
                    '"\n"',
                ),
                *(
                    '"0000-00-00"',
                    '"10000-01-01"',
                    '"2026-02-30"',
                    '"20261120"',
                    '"2026-11-20T00:00:00"',
                    '"9999-12-31"',
                ),
                *('"9999-12-31T23:59:59.999999+00:00"', '"0001-01-01T00:00:00+14:00"', '"2026-11-20T05:00:01+99:00"'),
                *(
                    '"2026-11-20T05:00:01"',
                    '"../../etc/passwd"',
                    '"Object at index 0 is wrong"',
                    '"Object at index 7777"',
                ),
                *(
                    '"Object at index ٣"',
                    '"http://[/"',
                    '"http://evil.example/?page=2"',
                    '"https://a:b@exist.io/?page=-1"',
                ),
                *(
                    "[]",
                    "{}",
                    "[[]]",
                    "[null]",
                    "[{}]",
                    '["mood"]',
                    '{"name": "mood"}',
                    '{"": 1e999}',
                    "[1, 1.0, true]",
                ),
                *(
                    "[" * 100_000,
                    "[" * 700 + "]" * 700,
                    '{"a":' * 100_000,
                    "'mood'",
                    "undefined",
                    "",
                    ",",
                    "// no",
                    "0x7",
                    "01",
                ),
            )
        ]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates().map(str),
        lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8) | WORDS, inside, max_size=3),
        max_leaves=6,
    ),
)


ODD = st.sampled_from(
    [
        Raw(text)
        for text in (
            *("null", "true", "7", "-1.5", "NaN", "Infinity", "-Infinity", "1e999", "9" * 30),
            *('""', '"mood"', '"7"', '"0000-00-00"', '"2026-11-20T00:00:00"', '"\\ud800"'),
            *("[]", "{}", "[null]", "[[NaN]]", '{"name": 7}', '{"": -1e999}'),
        )
    ]
)
"""JSON, or nearly, in place of a field that does not matter."""

DATES_WITH_TIME = st.builds(
    lambda time, offset: f"2026-11-20T{time.isoformat()}{offset}",
    st.times(),
    st.sampled_from(["", "Z", "+11:00", "-09:30", "+00:00"]),
)


def written(value: Any) -> str:
    """Write a document as a careless service does: NaN, halves of surrogate pairs and all."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        value = Object(value.items())
    if isinstance(value, Object):
        return "{" + ", ".join(f"{json.dumps(key)}: {written(each)}" for key, each in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container in a document with each of its keys or indices."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in [(value, key), *_places(value[key])]]


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> str:
    """A document with up to three things wrong in it."""
    document = copy.deepcopy(document)
    twice: list[Any] = []
    for _ in range(draw(st.integers(0, 3))):
        places = _places(document)
        if not places:
            break
        container, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename", "add", "repeat", "flood"])):
            case "remove":
                del container[key]
            case "rename" if isinstance(container, dict):
                container[draw(WORDS)] = container.pop(key)
            case "add" | "flood" as change if isinstance(container, list):
                # An element of something else, or many more of the same.
                more = [draw(LEAVES)] if change == "add" else (600 * container)[: draw(st.sampled_from([1, 12, 600]))]
                container[:0] = more
            case "add":
                container[draw(WORDS)] = draw(LEAVES)
            case "repeat":
                twice.append((container, key, draw(LEAVES)))
            case _:
                container[key] = draw(LEAVES)
    text = written(document)
    for container, key, value in twice:
        if isinstance(container, dict):
            # The same key a second time, in the first object that has it.
            text = text.replace(f"{json.dumps(key)}: ", f"{json.dumps(key)}: {written(value)}, {json.dumps(key)}: ", 1)
    return text


@st.composite
def bodies(draw: st.DrawFn, document: Any) -> bytes:
    """A hostile answer in place of such a document."""
    text = draw(mutated(document))
    if draw(st.integers(0, 3)):
        return text.encode("utf-8", "surrogatepass")
    match draw(
        st.sampled_from(["bom", "utf-16", "utf-32", "cut", "twice", "in a list", "leaf", "bytes", "html", "latin"])
    ):
        case "bom":
            return b"\xef\xbb\xbf" + text.encode("utf-8", "surrogatepass")
        case "utf-16" | "utf-32" as encoding:
            return text.encode(encoding, "surrogatepass")
        case "cut":
            data = text.encode("utf-8", "surrogatepass")
            return data[: draw(st.integers(0, min(len(data), 400)))]
        case "twice":
            return 2 * text.encode("utf-8", "surrogatepass")
        case "in a list":
            return f"[{text}]".encode("utf-8", "surrogatepass")
        case "leaf":
            return written(draw(LEAVES)).encode("utf-8", "surrogatepass")
        case "bytes":
            return draw(st.binary(max_size=60))
        case "latin":
            return text.replace("Mood", "Gemüt").encode("latin-1", "replace")
        case _:
            return b"<html><h1>502 Bad Gateway</h1>"


STATUSES = st.one_of(
    st.sampled_from([200, 200, 200, 200, 202, 204, 301, 302, 400, 401, 403, 404, 408, 409, 429, 500, 503, 529]),
    st.integers(100, 999),
)

_NAMES = ("Retry-After", "Location", "Set-Cookie", "Content-Type", "Content-Encoding", "X-Request-Id", "Link", "Date")
_VALUES = (
    *(
        "1",
        "0",
        "-1",
        "1e9",
        "1_0",
        "٣",
        "9" * 5000,
        "nan",
        "inf",
        " 7 ",
        "Fri, 20 Nov 2026 20:00:00 GMT",
        "Fri, 99 Nov 2026",
    ),
    *("1 Jan 1 00:00", "1 Jan 1 00:00 -0000", "31 Dec 9999 23:59:59 -9999", "Mon, 1 Jan 99999 00:00:00 +999999"),
    *(
        "//evil.example",
        "http://[",
        "http://evil.example:99999/",
        "\\\\evil",
        "/\x7f",
        "https://\u0130.example/",
        "gzip",
        "br, gzip",
    ),
    *(
        "",
        ",",
        ";",
        "=",
        "a=b; Domain=.; Expires=Fri, 99-Foo-0000; Max-Age=1e9",
        'a="; Version=x',
        "text/html; charset=nope",
    ),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(_NAMES).map(str.encode), st.sampled_from(_VALUES).map(str.encode) | st.binary(max_size=20)
    ),
    max_size=3,
)
