"""Creating and updating attributes: exactly the given fields are sent."""

from typing import Any

import httpx
import pytest
from attio.samples import ATTRIBUTE, UPDATE, Asking, Script, data, refusal
from hypothesis import given
from hypothesis import strategies as st

from exist_async import ConfigurationError, ConflictError, OutcomeUnknownError
from exist_async.attio import (
    NOT_GIVEN,
    AttioClient,
    AttributeType,
    ConfigInput,
    CurrencyDisplay,
    CurrencyInput,
    DefaultValue,
    RecordReferenceInput,
    RelationshipInput,
)

LOST = [httpx.ReadError("reset"), httpx.Response(503), httpx.Response(200, text="<html>")]


async def test_the_documented_update_is_sent_field_for_field(asking: Asking) -> None:
    script = Script(data(ATTRIBUTE))

    await asking(script).attributes.update(
        "objects",
        "33ebdbe9-e529-47c9-b894-0ba25e9c15c0",
        "41252299-f8c7-4b5e-99c9-4ff8321d2f96",
        title="Your Attribute",
        description="Lorem ipsum",
        api_slug="my-attribute",
        is_required=True,
        is_unique=True,
        default_value=DefaultValue.static([{"value": 5}]),
        config=ConfigInput(CurrencyInput("USD", CurrencyDisplay.SYMBOL), RecordReferenceInput(["people"])),
        is_archived=False,
    )

    request = script.requests[0]
    assert request.method == "PATCH"
    assert str(request.url) == (
        "https://api.attio.com/v2/objects/33ebdbe9-e529-47c9-b894-0ba25e9c15c0/attributes/"
        "41252299-f8c7-4b5e-99c9-4ff8321d2f96"
    )
    assert request.headers["authorization"] == "Bearer a-token"
    assert request.headers["content-type"] == "application/json"
    assert script.sent == [UPDATE]


async def test_none_is_sent_as_null_and_a_field_not_given_is_not_sent(asking: Asking) -> None:
    script = Script(data(ATTRIBUTE))
    attributes = asking(script).attributes

    await attributes.update("objects", "people", "a", description=None)
    await attributes.update("objects", "people", "a", default_value=None, title=NOT_GIVEN)
    await attributes.update("objects", "people", "a", is_required=False)
    await attributes.update("objects", "people", "a", config=ConfigInput())

    assert script.sent == [
        {"data": {"description": None}},
        {"data": {"default_value": None}},
        {"data": {"is_required": False}},
        {"data": {"config": {}}},
    ]


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "title": st.text(st.characters(categories=("L", "N", "So")), min_size=1),
        "description": st.none() | st.text(st.characters(exclude_categories=("Cs",))),
        "api_slug": st.text(st.sampled_from("abc_-/é"), min_size=1),
        "is_required": st.booleans(),
        "is_unique": st.booleans(),
        "is_archived": st.booleans(),
        "default_value": st.none() | st.integers(-(2**53), 2**53).map(lambda n: DefaultValue.static([{"value": n}])),
        "config": st.just(ConfigInput(currency=CurrencyInput("EUR", "code"))),
    },
).filter(bool)


@given(FIELDS)
async def test_exactly_the_given_fields_are_sent(fields: dict[str, Any]) -> None:
    script = Script(data(ATTRIBUTE))
    async with httpx.AsyncClient(transport=httpx.MockTransport(script)) as http_client:
        client = AttioClient("a-token", http_client=http_client, write_rate_limiter=None)
        await client.attributes.update("lists", "sales", "stage", **fields)

    (sent,) = script.sent
    assert sent.keys() == {"data"}
    assert sent["data"].keys() == fields.keys()
    for name, value in fields.items():
        if name not in ("default_value", "config"):
            assert sent["data"][name] == value


async def test_an_update_without_fields_is_refused(asking: Asking) -> None:
    script = Script(data(ATTRIBUTE))

    with pytest.raises(ConfigurationError, match="no field to update was given: give at least one of title"):
        await asking(script).attributes.update("objects", "people", "a")

    assert script.requests == []


async def test_archiving_and_restoring_are_updates(asking: Asking) -> None:
    script = Script(data({**ATTRIBUTE, "is_archived": True}), data(ATTRIBUTE))
    attributes = asking(script).attributes

    assert (await attributes.update("objects", "people", "a", is_archived=True)).is_archived
    assert not (await attributes.update("objects", "people", "a", is_archived=False)).is_archived


async def test_creating_sends_all_required_fields(asking: Asking) -> None:
    script = Script(data(ATTRIBUTE))

    await asking(script).attributes.create("lists", "sales", title="Size", api_slug="size", type=AttributeType.SELECT)

    assert (script.requests[0].method, str(script.requests[0].url)) == (
        "POST",
        "https://api.attio.com/v2/lists/sales/attributes",
    )
    assert script.sent == [
        {
            "data": {
                "title": "Size",
                "description": None,
                "api_slug": "size",
                "type": "select",
                "is_required": False,
                "is_unique": False,
                "is_multiselect": False,
                "config": {},
            }
        }
    ]


async def test_creating_sends_the_other_end_of_a_relationship(asking: Asking) -> None:
    script = Script(data(ATTRIBUTE))

    await asking(script).attributes.create(
        "objects",
        "people",
        title="Company",
        api_slug="company",
        type="record-reference",
        config=ConfigInput(record_reference=RecordReferenceInput(("companies",))),
        default_value=DefaultValue.dynamic("current-user"),
        relationship=RelationshipInput("companies", "Team members", "team_members", is_multiselect=False),
    )

    sent = script.sent[0]["data"]
    assert sent["config"] == {"record_reference": {"allowed_objects": ["companies"]}}
    assert sent["default_value"] == {"type": "dynamic", "template": "current-user"}
    assert sent["relationship"] == {
        "object": "companies",
        "title": "Team members",
        "api_slug": "team_members",
        "is_multiselect": False,
    }


@pytest.mark.parametrize("lost", LOST, ids=repr)
async def test_an_update_without_a_readable_answer_is_repeated(asking: Asking, lost: Any) -> None:
    script = Script(lost, data(ATTRIBUTE))

    await asking(script).attributes.update("objects", "people", "a", title="b")

    assert len(script.requests) == 2


@pytest.mark.parametrize("lost", LOST, ids=repr)
async def test_a_creation_without_a_readable_answer_is_not_repeated(asking: Asking, lost: Any) -> None:
    script = Script(lost, data(ATTRIBUTE))

    with pytest.raises(OutcomeUnknownError) as caught:
        await asking(script).attributes.create("objects", "people", title="a", api_slug="a", type="text")

    assert not caught.value.repeatable
    assert len(script.requests) == 1


async def test_a_creation_that_was_not_sent_is_repeated(asking: Asking) -> None:
    script = Script(httpx.ConnectError("refused"), data(ATTRIBUTE))

    await asking(script).attributes.create("objects", "people", title="a", api_slug="a", type="text")

    assert len(script.requests) == 2


async def test_an_existing_slug_is_a_conflict(asking: Asking) -> None:
    script = Script(refusal(409, "invalid_request_error", "slug_conflict", "The slug is taken."))

    with pytest.raises(ConflictError, match=r"409: The slug is taken\.") as caught:
        await asking(script).attributes.create("objects", "people", title="a", api_slug="a", type="text")

    assert (caught.value.code, caught.value.type) == ("slug_conflict", "invalid_request_error")


@pytest.mark.parametrize(
    "fields",
    [
        {"title": ""},
        {"title": None},
        {"title": 7},
        {"description": 7},
        {"description": "\ud800"},
        {"api_slug": "a\0b"},
        {"is_required": None},
        {"is_archived": "yes"},
        {"default_value": {"type": "static", "template": []}},
        {"default_value": DefaultValue.static([{"value": float("nan")}])},
        pytest.param({"default_value": DefaultValue.static([{"value": object()}])}, id="an object that is not JSON"),
        {"config": {}},
        {"config": None},
    ],
    ids=repr,
)
async def test_a_wrong_field_is_refused_before_anything_is_sent(asking: Asking, fields: dict[str, Any]) -> None:
    script = Script(data(ATTRIBUTE))

    with pytest.raises(ConfigurationError):
        await asking(script).attributes.update("objects", "people", "a", **fields)

    assert script.requests == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: CurrencyInput("", "code"),
        lambda: CurrencyInput("EUR", None),  # type: ignore[arg-type]
        lambda: RecordReferenceInput([]),
        lambda: RecordReferenceInput("people"),
        lambda: RecordReferenceInput([7]),  # type: ignore[list-item]
        lambda: ConfigInput(currency={"default_currency_code": "EUR"}),  # type: ignore[arg-type]
        lambda: ConfigInput(record_reference=["people"]),  # type: ignore[arg-type]
        lambda: RelationshipInput("companies", "", "members", is_multiselect=True),
        lambda: RelationshipInput("companies", "Members", "members", is_multiselect=1),  # type: ignore[arg-type]
        lambda: RelationshipInput("companies", "Members", "members", is_multiselect=None),  # type: ignore[arg-type]
        lambda: RecordReferenceInput({"people": 1}),
        lambda: RecordReferenceInput([""]),
        lambda: DefaultValue.static({"value": 5}),
        lambda: DefaultValue.static([5]),  # type: ignore[list-item]
        lambda: DefaultValue.static(7),  # type: ignore[arg-type]
        lambda: DefaultValue.dynamic(""),
        lambda: DefaultValue.dynamic(7),  # type: ignore[arg-type]
    ],
)
def test_an_invalid_request_model_is_refused(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()


def test_a_slug_with_a_comma_is_one_slug() -> None:
    assert RecordReferenceInput(["a, b"]).allowed_objects == ("a, b",)


def test_not_given_is_false_and_has_a_plain_repr() -> None:
    assert repr(NOT_GIVEN) == "NOT_GIVEN"
    assert not NOT_GIVEN
