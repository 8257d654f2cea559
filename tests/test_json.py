"""Turning JSON into models: strict, by either of two paths, and never with a crash."""

import gc
import json
import threading
from contextlib import suppress
from datetime import date
from typing import Any

import httpx
import pytest

from exist_async import (
    Attribute,
    AttributeEcho,
    AttributeTemplate,
    AttributeWithValues,
    Average,
    ByName,
    ByTemplate,
    Correlation,
    CustomAttribute,
    DayValue,
    Group,
    Insight,
    Service,
    UserProfile,
    ValueEcho,
    ValueType,
    _json,
)
from exist_async._json import UnreadableError, converter, decode, decode_leniently, encode
from exist_async.batch.matching import FailedEntry, Reply
from exist_async.paging import PageBody
from support import Answering

ATTRIBUTE: dict[str, Any] = {
    "template": "steps",
    "name": "steps",
    "label": "Steps",
    "group": {"name": "activity", "label": "Activity", "priority": 1},
    "service": {"name": "oura", "label": "Oura"},
    "active": True,
    "priority": 1,
    "manual": False,
    "value_type": 0,
    "value_type_description": "Integer",
    "available_services": [{"name": "oura", "label": "Oura"}],
}
PROFILE = {
    "username": "ada",
    "timezone": "Australia/Melbourne",
    "local_time": "2026-11-21T09:30:00.123456+11:00",
    "trial": True,
}

SAMPLES: list[tuple[Any, Any]] = [
    (Attribute, ATTRIBUTE),
    (Attribute, {"name": "bare"}),
    (Attribute, ATTRIBUTE | {"service": None, "group": None, "subgroup": None, "new_field": [1, {}]}),
    (Attribute, ATTRIBUTE | {"service": "", "value_type": 77, "active": "true"}),
    (AttributeEcho, {"name": "mood_note", "active": "true"}),
    (AttributeEcho, {"name": "mood", "service": "", "active": False}),
    (AttributeEcho, {"label": "Tea", "group": "custom", "name": "tea", "priority": 1, "value_type": 7}),
    (AttributeTemplate, {"name": "steps", "label": "Steps", "value_type": 0, "priority": 2}),
    (UserProfile, PROFILE),
    (PageBody[Attribute], {"count": 1, "next": None, "previous": None, "results": [ATTRIBUTE]}),
    (
        Reply[Attribute],
        {"success": [ATTRIBUTE], "failed": [{"title": "mood", "error_code": "missing_field", "error": "no"}]},
    ),
    (Reply[AttributeEcho], {"failed": []}),
    (FailedEntry, {"name": "mood", "error": {"value": ["wrong"]}}),
    *((DayValue, {"date": "2026-11-20", "value": value}) for value in (7, 7.5, "fine", None, True, 0, -3)),
    (DayValue, {"date": "2026-11-20"}),
    (AttributeWithValues, ATTRIBUTE | {"service": "", "values": [{"date": "2026-11-20", "value": 7}]}),
    (AttributeWithValues, {"name": "bare", "values": []}),
    (PageBody[DayValue], {"count": 1, "results": [{"date": "2026-11-20", "value": 7.5}]}),
    (ValueEcho, {"name": "mood", "value": 7, "current": 9}),
    (Reply[ValueEcho], {"success": [{"name": "mood", "date": "2026-11-20", "value": "fine"}]}),
    (Average, {"user_attribute": "sleep", "date": "2022-05-08", "overall": 399, "sunday": 419.5, "monday": None}),
    (Correlation, {"attribute": "a", "attribute2": "b", "second_person_elements": ["x", "y"], "rating": None}),
    (Correlation, {"attribute": "a", "attribute2": "b", "rating": {"positive": True, "rating_type": 50}}),
    (Insight, {"created": "2022-05-13T08:17:30+01:00", "target_date": None, "type": {"name": "x", "period": 1}}),
]


@pytest.mark.parametrize(("model", "document"), SAMPLES)
def test_both_paths_read_the_same(model: Any, document: Any) -> None:
    fast = decode(json.dumps(document).encode(), model)

    assert fast == converter().structure(document, model)


@pytest.mark.parametrize(
    ("model", "document"),
    [
        (Attribute, {"name": 7}),
        (Attribute, {}),
        (Attribute, []),
        (Attribute, {"name": "a", "priority": "7"}),
        (Attribute, {"name": "a", "priority": 1.5}),
        (Attribute, {"name": "a", "active": 1}),
        (Attribute, {"name": "a", "group": "custom"}),
        (Attribute, {"name": "a", "value_type": "3"}),
        (UserProfile, {"username": "ada", "local_time": "yesterday"}),
        (DayValue, {"date": "2026-11-20T00:00:00", "value": 7}),
        (DayValue, {"date": "0000-00-00", "value": 7}),
        (DayValue, {"date": "2026-11-20", "value": [7]}),
        (Average, {"attribute": "sleep", "overall": "399"}),
        (date, "20260101"),
    ],
)
def test_both_paths_refuse_a_wrong_shape(model: Any, document: Any) -> None:
    with pytest.raises(UnreadableError):
        decode(json.dumps(document).encode(), model)
    with pytest.raises(Exception):  # noqa: B017, PT011  (cattrs raises several classes)
        converter().structure(document, model)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        b"<html></html>",
        b"NaN",
        b"Infinity",
        b"1e999",
        b"9" * 5_000,
        b"[" * 100_000,
        b'"\xed\xa0\x80"',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b'{"name": ',
        b"null",
        b'"text"',
        b"[]",
    ],
)
def test_what_cannot_be_read_is_one_kind_of_error(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        decode(data, Attribute)


def test_an_error_names_the_place() -> None:
    page = {"results": [{"name": "a"}, {"name": "b", "priority": "x"}]}

    with pytest.raises(UnreadableError, match=r"\$\.results\[1\]\.priority"):
        decode(json.dumps(page).encode(), PageBody[Attribute])


def test_an_unknown_value_type_stays_itself() -> None:
    attribute = decode(b'{"name": "a", "value_type": 42}', Attribute)

    assert attribute.value_type == 42
    assert attribute.value_type == ValueType(42)
    assert encode(attribute) == b'{"name":"a","value_type":42}'


def test_no_service_is_none_and_a_flag_is_a_boolean_however_exist_spells_them() -> None:
    attribute = decode(b'{"name": "a", "service": "", "active": "true"}', Attribute)

    assert (attribute.service, attribute.active) == (None, True)
    assert decode(b'{"name": "a", "active": "false"}', AttributeEcho).active is False


def test_what_was_not_given_is_not_sent() -> None:
    items = [ByTemplate("steps"), ByName("mood", manual=False), CustomAttribute("Tea", "custom", 7, manual=True)]

    assert json.loads(encode(items)) == [
        {"template": "steps"},
        {"name": "mood", "manual": False},
        {"label": "Tea", "group": "custom", "value_type": 7, "manual": True},
    ]


def test_a_type_that_msgspec_does_not_know_is_built_by_hooks() -> None:
    class Colour:
        def __init__(self, name: str) -> None:
            self.name = name

    converter().register_structure_hook(Colour, lambda name, _: Colour(name))

    assert decode(b'["red"]', list[Colour])[0].name == "red"


@pytest.mark.parametrize("collecting", [True, False])
@pytest.mark.parametrize("body", [b"[" + b"1," * 50_000 + b"1]", b"[" + b"1," * 50_000 + b"x]"])
def test_the_garbage_collector_is_left_as_it_was(body: bytes, collecting: bool) -> None:
    if not collecting:
        gc.disable()
    try:
        with suppress(UnreadableError):
            decode(body, list[int])

        assert gc.isenabled() is collecting
    finally:
        gc.enable()


async def test_the_first_call_makes_the_converter_beside_the_event_loop(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_in: list[threading.Thread] = []
    prepare = _json.prepare

    def note() -> None:
        made_in.append(threading.current_thread())
        prepare()

    monkeypatch.setattr(_json, "prepare", note)
    converter.cache_clear()
    client = answering(lambda request: httpx.Response(200, json={"success": [{"name": "tea"}], "failed": []}))

    await client.attributes.acquire([ByName("tea")], success_objects=False)
    await client.attributes.acquire([ByName("tea")], success_objects=False)

    assert len(made_in) == 1
    assert made_in[0] is not threading.current_thread()


def read_leniently(document: Any, model: Any) -> tuple[Any, list[str]]:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(UnreadableError) as caught:
        decode(data, model)
    value, left_out = decode_leniently(data, model, caught.value)
    return value, list(left_out)


TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("model", "document", "expected", "left_out"),
    [
        (Attribute, {"name": "a", "priority": "7", "label": "A"}, Attribute("a", label="A"), ["$.priority"]),
        (Attribute, {"name": "a", "group": "custom"}, Attribute("a"), ["$.group"]),
        (
            Attribute,
            {"name": "a", "group": {"name": "mood", "priority": "first"}},
            Attribute("a", group=Group("mood")),
            ["$.group.priority"],
        ),
        (
            Attribute,
            {"name": "a", "available_services": [{"name": "oura"}, {"label": "Nameless"}, 7]},
            Attribute("a", available_services=(Service("oura"),)),
            ["$.available_services[1]", "$.available_services[2]"],
        ),
        (Attribute, {"name": "a", "available_services": None}, Attribute("a"), ["$.available_services"]),
        (
            Attribute,
            {"name": "a", "service": "", "active": "true", "manual": 1},
            Attribute("a", active=True),
            ["$.manual"],
        ),
        (UserProfile, {"username": 7, "local_time": "yesterday"}, UserProfile(), ["$.username", "$.local_time"]),
        (DayValue, {"date": "2026-11-20T00:00:00", "value": 7}, DayValue(TODAY, 7), []),
        (DayValue, {"date": "2026-11-20 23:59:59+11:00"}, DayValue(TODAY), []),
        (DayValue, b'{"date": "2026-11-20", "value": NaN}', DayValue(TODAY), []),
        (DayValue, b'{"date": "2026-11-20", "value": "\\ud83d"}', DayValue(TODAY, "\ufffd"), []),
        (
            DayValue,
            b'{"date": "2026-11-20", "value": "\\\\ud83d \\ud83d\\ude00 \\ude00\\ud83d"}',
            DayValue(TODAY, "\\ud83d 😀 \ufffd\ufffd"),
            [],
        ),
        (DayValue, b'\xef\xbb\xbf{"date": "2026-11-20", "value": 7}', DayValue(TODAY, 7), []),
        (
            PageBody[AttributeWithValues],
            {
                "results": [{"name": "a", "manual": "no", "values": [{"date": "2026-11-20T00:00", "value": 7}]}],
                "count": "1",
            },
            PageBody((AttributeWithValues("a", values=(DayValue(TODAY, 7),)),)),
            ["$.results[0].manual", "$.count"],
        ),
        (
            Reply[ValueEcho],
            {"success": [{"name": "a", "date": "20.11.", "value": [7]}, "odd"], "failed": None},
            Reply((ValueEcho("a"),)),
            ["$.success[0].date", "$.success[0].value", "$.success[1]", "$.failed"],
        ),
        (
            Reply[Attribute],
            {"success": [{"label": "Nameless"}, {"name": "b", "value_type": "3"}]},
            Reply((Attribute("b"),)),
            ["$.success[0]", "$.success[1].value_type"],
        ),
        (Insight, {"target_date": "2026-11-20T00:00:00", "created": "now"}, Insight(target_date=TODAY), ["$.created"]),
    ],
)
def test_what_is_beside_the_point_does_not_spoil_a_reply(
    model: Any, document: Any, expected: Any, left_out: list[str]
) -> None:
    assert read_leniently(document, model) == (expected, left_out)


@pytest.mark.parametrize(
    ("model", "document", "place"),
    [
        (Attribute, {"name": 7}, r"\$\.name"),
        (Attribute, {"priority": "x"}, r"missing required field `name` - at `\$`"),
        (PageBody[Attribute], {"results": [{"name": "a"}, {"priority": 1}]}, r"\$\.results\[1\]"),
        (PageBody[Attribute], {"results": None}, r"\$\.results"),
        (PageBody[Attribute], {"results": [], "next": 7}, r"\$\.next"),
        (PageBody[DayValue], {"results": [{"date": "2026-11-20", "value": [7]}]}, r"\$\.results\[0\]\.value"),
        (PageBody[DayValue], {"results": [{"date": "0000-00-00T00:00:00", "value": 7}]}, r"\$\.results\[0\]\.date"),
        (AttributeWithValues, {"name": "a", "values": [{"date": "2026-11-20"}, {"date": 7}]}, r"\$\.values\[1\]\.date"),
        (AttributeWithValues, {"name": "a", "values": {}}, r"\$\.values"),
        (AttributeWithValues, {"name": "a", "values": None}, r"\$\.values"),
        (Average, {"attribute": "sleep", "overall": "399"}, r"\$\.overall"),
        (Attribute, [], "Expected `object`"),
        (Attribute, b'{"name": "\xff"}', "utf-8"),
        (Attribute, b"<html>", "malformed"),
    ],
)
def test_what_is_essential_is_never_left_out(model: Any, document: Any, place: str) -> None:
    with pytest.raises(UnreadableError, match=place):
        read_leniently(document, model)


def test_a_whole_page_of_dates_with_a_time_is_read() -> None:
    days = [{"date": "2026-11-20T00:00:00", "value": n} for n in range(31)]
    page = {"results": [{"name": f"a{n}", "priority": "x", "values": days} for n in range(100)]}

    read, left_out = read_leniently(page, PageBody[AttributeWithValues])

    assert [len(attribute.values) for attribute in read.results] == [31] * 100
    assert len(left_out) == 100


@pytest.mark.parametrize(
    ("model", "document"),
    [
        (PageBody[DayValue], {"results": [{"date": "2026-11-20T00:00:00"}] * 9_000}),
        (PageBody[Attribute], {"results": [{"name": "a", "priority": "x"}] * 12_000}),
        (PageBody[Attribute], {"results": [{"name": "a", "label": "x" * 2_000_000, "priority": "x"}]}),
    ],
)
def test_what_would_take_long_to_read_leniently_is_not_read(model: Any, document: Any) -> None:
    with pytest.raises(UnreadableError):
        read_leniently(document, model)
