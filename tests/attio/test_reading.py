"""Reading attributes, options and statuses: documented answers and others."""

import datetime as dt
from typing import Any

import httpx
import pytest
from attio.samples import ATTRIBUTE, ID, Asking, Script, attribute, data

from exist_async import NoAnswerError
from exist_async._json import converter, decode, encode
from exist_async.attio import (
    Attribute,
    AttributeConfig,
    AttributeId,
    AttributeType,
    CurrencyConfig,
    CurrencyDisplay,
    DefaultValue,
    DefaultValueType,
    OptionId,
    RecordReferenceConfig,
    Relationship,
    SelectOption,
    Status,
    StatusId,
)

WHICH = AttributeId(ID["workspace_id"], ID["object_id"], ID["attribute_id"])


async def test_the_documented_attribute_is_read_field_for_field(asking: Asking) -> None:
    found = await asking(Script(data(ATTRIBUTE))).attributes.get("objects", "people", "company")

    assert found == Attribute(
        id=WHICH,
        title="Company",
        description="A company attribute",
        api_slug="company",
        type=AttributeType.RECORD_REFERENCE,
        is_system_attribute=False,
        is_writable=True,
        is_required=False,
        is_unique=False,
        is_multiselect=False,
        is_default_value_enabled=False,
        is_archived=False,
        default_value=None,
        relationship=Relationship(WHICH, "companies", "Team members", "team_members", is_multiselect=True),
        created_at=dt.datetime(2021, 11, 21, 13, 22, 49, 61_000, tzinfo=dt.UTC),
        config=AttributeConfig(CurrencyConfig(None, None), RecordReferenceConfig(("companies",))),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"relationship": None, "default_value": {"type": "dynamic", "template": "current-user"}},
        {"default_value": {"type": "static", "template": [{"value": 5}, {"currency_value": 1.5}]}},
        {"created_at": "2022-11-21T13:22:49.061281000Z", "type": "hologram"},
        {"config": {"currency": {"default_currency_code": "XTS", "display_type": "hologram"}}},
    ],
)
def test_msgspec_and_cattrs_decode_the_same(changes: dict[str, Any]) -> None:
    raw = attribute(**changes)

    assert decode(encode(raw), Attribute) == converter().structure(raw, Attribute)


async def test_nine_digits_of_a_second_are_read(asking: Asking) -> None:
    raw = attribute(created_at="2022-11-21T13:22:49.061281000Z")

    found = await asking(Script(data(raw))).attributes.get("objects", "people", "company")

    assert found.created_at == dt.datetime(2022, 11, 21, 13, 22, 49, 61_281, tzinfo=dt.UTC)


async def test_unknown_values_of_enums_are_kept(asking: Asking) -> None:
    raw = attribute(
        type="hologram",
        config={"currency": {"default_currency_code": "XTS", "display_type": "emoji"}},
        default_value={"type": "learned", "template": {"model": 7}},
        invented_later=[1, 2],
    )

    found = await asking(Script(data(raw))).attributes.get("objects", "people", "company")

    assert found.type == "hologram"
    assert found.type.value == "hologram"
    assert found.config is not None
    assert found.config.currency is not None
    assert found.config.currency.default_currency_code == "XTS"
    assert found.config.currency.display_type == "emoji"
    assert found.default_value == DefaultValue(DefaultValueType("learned"), {"model": 7})
    assert CurrencyDisplay("narrowSymbol") is CurrencyDisplay.NARROW_SYMBOL


async def test_an_attribute_needs_only_the_required_fields(asking: Asking) -> None:
    raw = {"id": ID, "title": "Name", "api_slug": "name", "type": "text"}

    found = await asking(Script(data(raw))).attributes.get("objects", "people", "name")

    assert found == Attribute(WHICH, "Name", "name", AttributeType.TEXT)


async def test_an_answer_without_an_attribute_is_an_error(asking: Asking) -> None:
    for answer in (data({"id": ID}), data(None), data([])):
        with pytest.raises(NoAnswerError, match="can't be read"):
            await asking(Script(answer)).attributes.get("objects", "people", "name")


async def test_options_are_read(asking: Asking) -> None:
    raw = [
        {"id": {**ID, "option_id": "o-1"}, "title": "Large", "is_archived": False},
        {"id": {**ID, "option_id": "o-2"}, "title": "Small", "is_archived": True},
    ]
    script = Script(data(raw))

    options = await asking(script).attributes.list_options("objects", "deals", "size", show_archived=True)

    which = (WHICH.workspace_id, WHICH.object_id, WHICH.attribute_id)
    assert options == (
        SelectOption(OptionId(*which, "o-1"), "Large", is_archived=False),
        SelectOption(OptionId(*which, "o-2"), "Small", is_archived=True),
    )
    assert str(script.requests[0].url) == (
        "https://api.attio.com/v2/objects/deals/attributes/size/options?show_archived=true"
    )


async def test_statuses_are_read(asking: Asking) -> None:
    raw = [
        {
            "id": {**ID, "status_id": "s-1"},
            "title": "In progress",
            "is_archived": False,
            "celebration_enabled": True,
            "target_time_in_status": "P0Y0M1DT0H0M0S",
        },
        {"id": {**ID, "status_id": "s-2"}, "title": "Done", "is_archived": False, "target_time_in_status": None},
    ]
    script = Script(data(raw))

    first, second = await asking(script).attributes.list_statuses("lists", "sales", "stage")

    which = (WHICH.workspace_id, WHICH.object_id, WHICH.attribute_id)
    assert first == Status(StatusId(*which, "s-1"), "In progress", False, True, "P0Y0M1DT0H0M0S")
    assert (second.celebration_enabled, second.target_time_in_status) == (None, None)
    assert str(script.requests[0].url) == "https://api.attio.com/v2/lists/sales/attributes/stage/statuses"


@pytest.mark.parametrize("name", [7, None])
def test_only_a_text_is_a_type(name: object) -> None:
    with pytest.raises(ValueError, match=f"{name!r} is not a valid AttributeType"):
        AttributeType(name)


ODD = [
    {"created_at": "21 November 2026"},
    {"created_at": 1_700_000_000},
    {"is_archived": "no", "config": {"currency": {"display_type": 7}, "record_reference": []}},
    {"relationship": {"id": {"object_id": "?"}}, "description": {"text": "a"}},
]


@pytest.mark.parametrize("changes", ODD)
async def test_an_odd_field_does_not_spoil_a_listing_or_a_write(asking: Asking, changes: dict[str, Any]) -> None:
    odd = data({**ATTRIBUTE, **changes})
    listing = httpx.Response(200, json={"data": [ATTRIBUTE, {**ATTRIBUTE, **changes}]})
    empty = httpx.Response(200, json={"data": []})

    listed = await asking(Script(listing, empty)).attributes.list("objects", "people").collect()
    updated = await asking(Script(odd)).attributes.update("objects", "people", "company", title="Company")

    assert [attribute.title for attribute in listed] == ["Company", "Company"]
    assert updated == listed[1]
    assert updated.created_at == (None if "created_at" in changes else listed[0].created_at)
