"""The client with a sandbox of Attio in memory."""

import datetime as dt
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import respx
from attio.samples import ATTRIBUTE, UPDATE

from exist_async import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
)
from exist_async.attio import (
    AttioClient,
    AttributeType,
    ConfigInput,
    CurrencyInput,
    DefaultValue,
    RecordReferenceInput,
    RelationshipInput,
)
from exist_async.sandbox import AttioSandbox


@pytest.fixture
def sandbox() -> AttioSandbox:
    return AttioSandbox()


@pytest.fixture
async def attio(sandbox: AttioSandbox) -> AsyncGenerator[AttioClient, None]:
    async with httpx.AsyncClient(transport=sandbox.transport()) as http_client:
        limiters = {"rate_limiter": None, "write_rate_limiter": None}
        yield AttioClient(sandbox.token, http_client=http_client, fraction=lambda: 0.0, **limiters)


async def test_an_attribute_is_created_read_changed_archived_and_restored(
    attio: AttioClient, sandbox: AttioSandbox
) -> None:
    attributes = attio.attributes
    created = await attributes.create(
        "objects",
        "companies",
        title="Yearly revenue",
        api_slug="yearly_revenue",
        type=AttributeType.CURRENCY,
        config=ConfigInput(currency=CurrencyInput("EUR", "symbol")),
    )
    assert await attributes.get("objects", "companies", "yearly_revenue") == created
    assert await attributes.get("objects", "companies", created.id.attribute_id) == created

    changed = await attributes.update("objects", "companies", "yearly_revenue", title="Revenue", description="A year's")
    assert (changed.title, changed.description, changed.config) == ("Revenue", "A year's", created.config)
    assert (await attributes.update("objects", "companies", "yearly_revenue", description=None)).description is None

    await attributes.update("objects", "companies", "yearly_revenue", is_archived=True)
    slugs = [each.api_slug async for each in attributes.list("objects", "companies")]
    assert "yearly_revenue" not in slugs
    everything = await attributes.list("objects", "companies", show_archived=True).collect()
    assert [each.is_archived for each in everything if each.api_slug == "yearly_revenue"] == [True]
    assert not (await attributes.update("objects", "companies", "yearly_revenue", is_archived=False)).is_archived


async def test_attributes_of_lists_can_be_created_and_listed(attio: AttioClient) -> None:
    created = await attio.attributes.create(
        "lists", "sales", title="Due", api_slug="due", type="date", default_value=DefaultValue.dynamic("P1M")
    )

    assert created.default_value == DefaultValue.dynamic("P1M")
    assert created.created_at is not None
    assert created.created_at.tzinfo == dt.UTC
    assert (await attio.attributes.list("lists", "sales").first()) is not None


async def test_creating_a_relationship_creates_both_ends(attio: AttioClient, sandbox: AttioSandbox) -> None:
    created = await attio.attributes.create(
        "objects",
        "people",
        title="Employer",
        api_slug="employer",
        type="record-reference",
        config=ConfigInput(record_reference=RecordReferenceInput(["companies"])),
        relationship=RelationshipInput("companies", "Staff", "staff", is_multiselect=True),
    )

    assert created.relationship is not None
    other = await attio.attributes.get("objects", "companies", "staff")
    assert other.id == created.relationship.id
    assert other.is_multiselect


async def test_options_and_statuses_are_listed(attio: AttioClient) -> None:
    some = await attio.attributes.list_options("objects", "people", "lead_source")
    all_of_them = await attio.attributes.list_options("objects", "people", "lead_source", show_archived=True)
    statuses = await attio.attributes.list_statuses("lists", "sales", "stage")

    assert len(some) == len([option for option in all_of_them if not option.is_archived]) < len(all_of_them)
    assert len(statuses) > 1


@pytest.mark.parametrize("slug", ["a/b", "🚀 launch", "100%", "a?b#c", "größe"])
async def test_slugs_with_special_characters_are_found(sandbox: AttioSandbox, slug: str) -> None:
    sandbox.add_object(slug)
    sandbox.add_attribute("objects", slug, title="Odd", api_slug=slug, type="text")

    async with sandbox.serve() as url, AttioClient(sandbox.token, base_url=url) as attio:
        assert (await attio.attributes.get("objects", slug, slug)).api_slug == slug
        assert (await attio.attributes.update("objects", slug, slug, title="New")).title == "New"


async def test_a_refusal_has_attio_s_reason(attio: AttioClient, sandbox: AttioSandbox) -> None:
    attributes = attio.attributes
    with pytest.raises(BadRequestError) as caught:
        await attributes.update("objects", "people", "name", title="Full name")
    assert (caught.value.code, caught.value.type) == ("system_edit_unauthorized", "invalid_request_error")
    assert caught.value.request_id

    with pytest.raises(BadRequestError) as caught:
        await attributes.create(
            "objects",
            "people",
            title="Fee",
            api_slug="fee",
            type="currency",
            config=ConfigInput(currency=CurrencyInput("XXX", "code")),
        )
    assert caught.value.code == "validation_type"
    assert caught.value.validation_errors

    await attributes.create("objects", "people", title="Size", api_slug="size", type="text")
    with pytest.raises(ConflictError, match="slug"):
        await attributes.create("objects", "people", title="Size", api_slug="size", type="text")
    with pytest.raises(NotFoundError):
        await attributes.get("objects", "people", "no_such_attribute")
    with pytest.raises(AuthenticationError):
        await attio.with_options(auth="another-token").attributes.get("objects", "people", "name")
    reader = attio.with_options(auth=sandbox.issue_token(read_only=True))
    with pytest.raises(PermissionDeniedError):
        await reader.attributes.update("objects", "people", "size", title="No")


async def test_a_creation_with_unknown_outcome_is_not_repeated(attio: AttioClient, sandbox: AttioSandbox) -> None:
    sandbox.fail_next(status=503, when="after")
    with pytest.raises(OutcomeUnknownError):
        await attio.attributes.create("objects", "people", title="Size", api_slug="size", type="text")

    assert [request.method for request in sandbox.requests] == ["POST"]
    assert (await attio.attributes.get("objects", "people", "size")).title == "Size"


async def test_an_update_with_unknown_outcome_is_repeated(attio: AttioClient, sandbox: AttioSandbox) -> None:
    sandbox.add_attribute("objects", "people", title="Size", api_slug="size", type="text")
    sandbox.fail_next(status=503, when="after")

    assert (await attio.attributes.update("objects", "people", "size", title="Length")).title == "Length"
    assert len(sandbox.requests) == 2


async def test_more_requests_than_attio_allows_at_once_all_succeed() -> None:
    sandbox = AttioSandbox(rate_limited=True)
    sandbox.add_attribute("objects", "people", title="Size", api_slug="size", type="text")
    async with sandbox.serve() as url, AttioClient(sandbox.token, base_url=url) as attio:
        for n in range(40):
            await attio.attributes.update("objects", "people", "size", title=f"Size {n}")
            await attio.attributes.get("objects", "people", "size")

    # A request with a shorter latency than those before it arrives a little too early now and then.
    statuses = [request.status for request in sandbox.requests]
    assert statuses.count(200) == 80
    assert statuses.count(429) < 10


async def test_a_mock_of_httpx_intercepts_the_documented_request() -> None:
    with respx.mock(using="httpx") as router:
        route = router.patch("https://api.attio.com/v2/objects/people/attributes/company")
        route.mock(httpx.Response(200, json={"data": ATTRIBUTE}))
        async with AttioClient("a-token") as attio:
            fields: dict[str, Any] = {
                **UPDATE["data"],
                "default_value": DefaultValue.static([{"value": 5}]),
                "config": ConfigInput(CurrencyInput("USD", "symbol"), RecordReferenceInput(["people"])),
            }
            found = await attio.attributes.update("objects", "people", "company", **fields)

    assert found.title == "Company"
    assert httpx.Response(200, content=route.calls[0].request.content).json() == UPDATE
