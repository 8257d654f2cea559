"""Listing attributes and templates, with every filter."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from exist_async import Attribute, ConfigurationError, ExistClient, Group, Service, ValueType
from exist_async.sandbox import Sandbox


async def test_an_attribute_is_read_with_all_that_exist_says(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps", service=sandbox.service, manual=False)

    (steps,) = await exist.attributes.list().collect()

    assert steps == Attribute(
        name="steps",
        template="steps",
        label="Steps",
        group=Group("activity", "Activity", 1),
        service=Service("my_client", "My client"),
        active=True,
        priority=steps.priority,
        manual=False,
        value_type=ValueType.INTEGER,
        value_type_description="Integer",
        available_services=(Service("my_client", "My client"),),
    )


async def test_all_templates_are_listed_and_the_unimportant_ones_on_demand(exist: ExistClient) -> None:
    usual = await exist.attributes.templates().collect()
    every = await exist.attributes.templates(include_low_priority=True).collect()

    assert len(usual) == 79
    assert len(every) == 86
    assert {
        template.group.name
        for template in await exist.attributes.templates(groups=["mood"]).collect()
        if template.group
    } == {"mood"}


LIST_FILTERS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    ({"groups": ["activity", "mood"]}, {"groups": "activity,mood"}),
    ({"attributes": ("steps", "mood")}, {"attributes": "steps,mood"}),
    ({"exclude_custom": True}, {"exclude_custom": "true"}),
    ({"exclude_custom": False}, {}),
    ({"manual": True}, {"manual": "true"}),
    ({"manual": False}, {"manual": "false"}),
    ({"manual": None}, {}),
    (
        {"include_inactive": True, "include_low_priority": True},
        {"include_inactive": "true", "include_low_priority": "true"},
    ),
    ({"page_size": 7}, {"limit": "7"}),
]


@pytest.mark.parametrize(("filters", "query"), LIST_FILTERS)
@pytest.mark.parametrize("listing", ["list", "owned"])
async def test_filters_are_sent_as_exist_reads_them(
    exist: ExistClient, sandbox: Sandbox, listing: str, filters: dict[str, Any], query: dict[str, str]
) -> None:
    await getattr(exist.attributes, listing)(**filters).collect()

    assert sandbox.requests[0].query == {"limit": "100"} | query


async def test_the_older_owned_flag_lists_what_is_owned(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps", service=sandbox.service)
    sandbox.add_attribute(template="mood")

    by_flag = await exist.attributes.list(owned=True).collect()

    assert sandbox.requests[0].query["owned"] == "true"
    assert by_flag == await exist.attributes.owned().collect()
    assert [attribute.name for attribute in by_flag] == ["steps"]


async def test_a_listing_hides_inactive_and_unimportant_attributes_unless_asked(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(name="shown")
    sandbox.add_attribute(name="inactive", active=False)
    sandbox.add_attribute(name="unimportant", priority=10)

    async def names(**flags: bool) -> set[str]:
        return {attribute.name async for attribute in exist.attributes.list(**flags)}

    assert await names() == {"shown"}
    assert await names(include_inactive=True) == {"shown", "inactive"}
    assert await names(include_low_priority=True) == {"shown", "unimportant"}


@pytest.mark.parametrize("groups", ["activity", b"activity", 7, [], [""], ["a,b"], ["a\nb"], [7]])
def test_a_filter_that_is_no_list_of_names_is_refused(groups: Any) -> None:
    with pytest.raises(ConfigurationError, match="groups"):
        ExistClient("token").attributes.owned(groups=groups)


@pytest.mark.parametrize("flag", ["exclude_custom", "manual", "include_inactive", "include_low_priority", "owned"])
def test_a_flag_that_is_no_boolean_is_refused(flag: str) -> None:
    with pytest.raises(ConfigurationError, match=flag):
        ExistClient("token").attributes.list(**{flag: "false"})  # type: ignore[arg-type]


async def test_one_attribute_is_found_by_its_name_even_when_hidden(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="hidden", active=False, priority=12)

    found = await exist.attributes.get("hidden")

    assert found is not None
    assert found.name == "hidden"
    assert await exist.attributes.get("nothing") is None


async def test_one_attribute_is_found_though_the_filter_is_ignored(answering: Callable[..., ExistClient]) -> None:
    def everything(request: httpx.Request) -> httpx.Response:
        second = request.url.params.get("page") == "2"
        results = [{"name": "mood"}] if second else [{"name": f"tag_{n}"} for n in range(100)]
        return httpx.Response(200, json={"count": 101, "next": None if second else "more", "results": results})

    assert await answering(everything).attributes.get("mood") == Attribute("mood")


@pytest.mark.parametrize("name", ["", " ", "a,b", "a\x00", 7])
async def test_a_name_that_no_attribute_has_is_refused(exist: ExistClient, sandbox: Sandbox, name: Any) -> None:
    with pytest.raises(ConfigurationError):
        await exist.attributes.get(name)

    assert sandbox.requests == []
