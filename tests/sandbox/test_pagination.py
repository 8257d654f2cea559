"""Pagination, in the format of Django REST framework."""

import httpx
import pytest

from exist_async.sandbox import Sandbox


@pytest.fixture
def sandbox():
    sandbox = Sandbox()
    for number in range(45):
        sandbox.add_attribute(name=f"tag_{number:02}")
    return sandbox


def names(reply):
    return [attribute["name"] for attribute in reply.json()["results"]]


async def test_a_page_has_twenty_results_and_the_url_of_the_next(exist):
    reply = await exist.get("attributes/")

    assert reply.json()["count"] == 45
    assert reply.json()["next"] == "https://exist.test/api/2/attributes/?page=2"
    assert reply.json()["previous"] is None
    assert names(reply)[0] == "tag_00"
    assert len(names(reply)) == 20


async def test_the_last_page_has_the_remaining_results_and_the_url_of_the_previous(exist):
    reply = await exist.get("attributes/", params={"page": "3"})

    assert names(reply) == ["tag_40", "tag_41", "tag_42", "tag_43", "tag_44"]
    assert reply.json()["next"] is None
    assert reply.json()["previous"] == "https://exist.test/api/2/attributes/?page=2"


async def test_page_urls_keep_the_query_and_the_first_page_has_no_number(exist):
    reply = await exist.get("attributes/?page=2&limit=10&groups=custom,mood&include_inactive=")

    assert reply.json()["next"] == (
        "https://exist.test/api/2/attributes/?groups=custom%2Cmood&include_inactive=&limit=10&page=3"
    )
    assert reply.json()["previous"] == (
        "https://exist.test/api/2/attributes/?groups=custom%2Cmood&include_inactive=&limit=10"
    )


async def test_following_next_lists_each_attribute_once(exist):
    seen, url = [], "attributes/?limit=7"
    while url:
        reply = await exist.get(url)
        seen += names(reply)
        url = reply.json()["next"]

    assert seen == [f"tag_{number:02}" for number in range(45)]


async def test_an_empty_listing_has_one_empty_page(exist):
    reply = await exist.get("attributes/", params={"groups": "mood"})

    assert reply.json() == {"count": 0, "next": None, "previous": None, "results": []}


async def test_the_page_size_of_the_sandbox_is_the_default():
    sandbox = Sandbox(page_size=7)
    for number in range(10):
        sandbox.add_attribute(name=f"tag_{number}")
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with httpx.AsyncClient(
        transport=sandbox.transport(), base_url="https://exist.test", headers=headers
    ) as exist:
        page = (await exist.get("/api/2/attributes/")).json()

    assert (len(page["results"]), page["count"]) == (7, 10)


def test_a_page_size_out_of_range_is_rejected():
    with pytest.raises(ValueError, match="page_size must be from 1 to 100, not 101"):
        Sandbox(page_size=101)
    with pytest.raises(ValueError, match="page_size must be from 1 to 100, not 0"):
        Sandbox(page_size=0)


async def test_a_limit_above_one_hundred_is_reduced_to_it(exist, sandbox):
    for number in range(45, 120):
        sandbox.add_attribute(name=f"tag_{number}")

    assert len(names(await exist.get("attributes/", params={"limit": "100"}))) == 100
    assert len(names(await exist.get("attributes/", params={"limit": "500"}))) == 100


@pytest.mark.parametrize("limit", ["0", "-3", "many", "", "2.5"])
async def test_an_invalid_limit_is_ignored(exist, limit):
    assert len(names(await exist.get("attributes/", params={"limit": limit}))) == 20


@pytest.mark.parametrize("page", ["4", "0", "-1", "two", "1.5"])
async def test_an_unknown_page_is_not_found(exist, page):
    reply = await exist.get("attributes/", params={"page": page})

    assert reply.status_code == 404
    assert reply.json() == {"detail": "Invalid page."}


async def test_an_empty_page_number_is_the_first_page_and_last_is_the_last(exist):
    assert names(await exist.get("attributes/", params={"page": ""}))[0] == "tag_00"
    assert names(await exist.get("attributes/", params={"page": "last"}))[0] == "tag_40"
