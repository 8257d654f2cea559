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
    Insight,
    UserProfile,
    ValueEcho,
    ValueType,
    _json,
)
from exist_async._json import UnreadableError, converter, decode, encode
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
