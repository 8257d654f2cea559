"""Creating, acquiring and releasing attributes."""

from typing import Any

import pytest

from exist_async import (
    Attribute,
    ByName,
    ByTemplate,
    ConfigurationError,
    CustomAttribute,
    ExistClient,
    Service,
    ValueType,
)
from exist_async.sandbox import Sandbox


async def test_a_template_is_acquired_and_created_where_the_user_lacks_it(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.attributes.acquire(["steps", ByTemplate("mood", manual=False)])

    assert [(a.name, a.manual, a.service.name if a.service else None) for a in result.succeeded] == [
        ("steps", True, "my_client"),
        ("mood", False, "my_client"),
    ]
    assert sandbox.requests[0].json == [{"template": "steps"}, {"template": "mood", "manual": False}]
    assert sandbox.requests[0].query == {"success_objects": "true"}


async def test_a_string_is_a_template_and_takes_no_attribute_of_that_name(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="my_tag")

    result = await exist.attributes.acquire(["my_tag"])

    assert result[0].item == ByTemplate("my_tag")
    assert result[0].error_code == "not_found"


async def test_an_attribute_is_acquired_by_name_and_never_created(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="my_tag")

    result = await exist.attributes.acquire([ByName("my_tag"), ByName("steps")])

    assert [outcome.error_code for outcome in result] == [None, "not_found"]


async def test_the_older_flag_is_sent_on_demand(exist: ExistClient, sandbox: Sandbox) -> None:
    await exist.attributes.acquire(["steps"], allow_user_defined=True)

    assert sandbox.requests[0].query == {"success_objects": "true", "allow_user_defined": "true"}


async def test_without_success_objects_the_request_is_echoed(exist: ExistClient, sandbox: Sandbox) -> None:
    acquired = await exist.attributes.acquire(["steps"], success_objects=False)
    created = await exist.attributes.create([CustomAttribute("Tea", "custom", 7)], success_objects=False)

    assert acquired.succeeded[0].active is True
    assert created.succeeded[0].name == "tea"
    assert created.succeeded[0].group == "custom"
    assert [request.query for request in sandbox.requests] == [{}, {}]


async def test_a_custom_attribute_is_created_and_its_name_read_from_the_answer(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    result = await exist.attributes.create([CustomAttribute("Cups of tea", "food", ValueType.INTEGER, manual=False)])

    (tea,) = result.succeeded
    assert (tea.name, tea.label, tea.value_type, tea.manual, tea.template) == (
        "cups_of_tea",
        "Cups of tea",
        0,
        False,
        None,
    )
    assert sandbox.requests[0].json == [{"label": "Cups of tea", "group": "food", "value_type": 0, "manual": False}]


async def test_what_exists_is_not_created_again(exist: ExistClient) -> None:
    items = ["steps", CustomAttribute("Tea", "custom", 7)]
    await exist.attributes.create(items)

    again = await exist.attributes.create(items)

    assert [outcome.error_code for outcome in again] == ["exists", "exists"]


async def test_the_same_thing_twice_is_created_or_released_once(exist: ExistClient, sandbox: Sandbox) -> None:
    tea = CustomAttribute("Tea", "custom", 7)

    created = await exist.attributes.create([tea, "steps", tea])
    released = await exist.attributes.release(["tea", "tea", "steps"])

    assert [outcome.error_code for outcome in created] == [None, None, "exists"]
    assert [outcome.error_code for outcome in released] == [None, "unauthorised", None]
    assert sandbox.batch_sizes == [2, 1, 2, 1]


async def test_attributes_are_released_by_name_or_as_they_are_listed(exist: ExistClient) -> None:
    await exist.attributes.acquire(["steps", "mood", "sleep"])
    owned = await exist.attributes.owned().collect()

    result = await exist.attributes.release([owned[0], "mood", ByName("sleep", manual=True), "weight"])

    assert [(outcome.item, outcome.status) for outcome in result] == [
        (ByName(owned[0].name), "succeeded"),
        (ByName("mood"), "succeeded"),
        (ByName("sleep"), "succeeded"),
        (ByName("weight"), "refused"),
    ]
    assert result.succeeded[0].service is None
    assert result.succeeded[0].active is False


async def test_what_passes_to_another_service_on_release_is_a_success(exist: ExistClient, sandbox: Sandbox) -> None:
    oura = sandbox.add_service("oura", "Oura")
    sandbox.add_attribute(template="steps", service=oura)
    await exist.attributes.acquire(["steps", "mood"])

    result = await exist.attributes.release(["steps", "mood"])

    assert [(echo.service, echo.active) for echo in result.succeeded] == [(Service("oura"), True), (None, False)]


async def test_what_belongs_to_another_service_is_not_ours_to_release(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="mood", service=sandbox.add_service("other", "Other"))

    result = await exist.attributes.release(["mood"])

    assert (result[0].error_code, result[0].error) == (
        "unauthorised",
        "Attribute 'mood' does not belong to this service",
    )


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: ByTemplate(""), "template"),
        (lambda: ByTemplate("  "), "template"),
        (lambda: ByTemplate("a\x00b"), "template"),
        (lambda: ByTemplate("\ud800"), "template"),
        (lambda: ByTemplate(7), "template"),  # type: ignore[arg-type]
        (lambda: ByTemplate(None), "template"),  # type: ignore[arg-type]
        (lambda: ByTemplate("steps", manual="no"), "manual"),  # type: ignore[arg-type]
        (lambda: ByName("a\nb"), "name"),
        (lambda: ByName("mood", manual=0), "manual"),  # type: ignore[arg-type]
        (lambda: CustomAttribute("", "custom", 7), "label"),
        (lambda: CustomAttribute("Tea", "", 7), "group"),
        (lambda: CustomAttribute("Tea", "custom", 6), "value_type"),
        (lambda: CustomAttribute("Tea", "custom", ValueType.TIME_FROM_MIDDAY), "value_type"),
        (lambda: CustomAttribute("Tea", "custom", True), "value_type"),
        (lambda: CustomAttribute("Tea", "custom", "7"), "value_type"),  # type: ignore[arg-type]
        (lambda: CustomAttribute("Tea", "custom", -1), "value_type"),
    ],
)
def test_a_wrong_item_is_refused_where_it_is_made(make: Any, named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{named}"):
        make()


@pytest.mark.parametrize("label", ["Thé à la menthe", "お茶", "🍵 tea", 'O\'Clock / "quoted"', "مرحبا"])
async def test_a_label_may_be_of_any_language(exist: ExistClient, label: str) -> None:
    result = await exist.attributes.create([CustomAttribute(label, "custom", 7)])

    assert result.succeeded[0].label == label


@pytest.mark.parametrize(
    ("write", "item"),
    [
        ("create", ByName("mood")),
        ("create", Attribute("mood")),
        ("acquire", CustomAttribute("Tea", "custom", 7)),
        ("acquire", {"name": "mood"}),
        ("release", ByTemplate("mood")),
        ("release", None),
        ("ensure", Attribute("mood")),
    ],
)
async def test_an_item_of_the_wrong_kind_is_refused(
    exist: ExistClient, sandbox: Sandbox, write: str, item: Any
) -> None:
    with pytest.raises(ConfigurationError, match=r"items\[1\]: ") as caught:
        await getattr(exist.attributes, write)(["mood", item])

    assert sandbox.requests == []
    assert caught.value.result is not None
    assert [outcome.status for outcome in caught.value.result] == ["not_sent"]


async def test_a_listing_is_released_whole(exist: ExistClient, sandbox: Sandbox) -> None:
    for n in range(250):
        sandbox.add_attribute(name=f"tag_{n}", service=sandbox.service)

    result = await exist.attributes.release(exist.attributes.owned())

    assert result.ok
    assert len(result) == 250
    assert await exist.attributes.owned().count() == 0


@pytest.mark.parametrize("label", ["\U0001fae8 shaky", "\U0001fae9 tired"])
def test_an_emoji_that_is_newer_than_this_python_is_text(label: str) -> None:
    assert CustomAttribute(label, "custom", 7).label == label
