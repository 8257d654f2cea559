"""Pages, as Django REST framework numbers them."""

import httpx
import pytest

from exist_async.sandbox import Sandbox


@pytest.fixture
def sandbox():
    sandbox = Sandbox()
    for number in range(45):
        sandbox.add_attribute(name=f"tag_{number:02}")
    return sandbox


def names(answer):
    return [attribute["name"] for attribute in answer.json()["results"]]


async def test_a_page_has_twenty_results_and_points_to_the_next(exist):
    answer = await exist.get("attributes/")

    assert answer.json()["count"] == 45
    assert answer.json()["next"] == "https://exist.test/api/2/attributes/?page=2"
    assert answer.json()["previous"] is None
    assert names(answer)[0] == "tag_00"
    assert len(names(answer)) == 20


async def test_the_last_page_holds_the_rest_and_points_back(exist):
    answer = await exist.get("attributes/", params={"page": "3"})

    assert names(answer) == ["tag_40", "tag_41", "tag_42", "tag_43", "tag_44"]
    assert answer.json()["next"] is None
    assert answer.json()["previous"] == "https://exist.test/api/2/attributes/?page=2"


async def test_links_keep_the_query_and_the_first_page_has_no_number(exist):
    answer = await exist.get("attributes/?page=2&limit=10&groups=custom,mood&include_inactive=")

    assert answer.json()["next"] == (
        "https://exist.test/api/2/attributes/?groups=custom%2Cmood&include_inactive=&limit=10&page=3"
    )
    assert answer.json()["previous"] == (
        "https://exist.test/api/2/attributes/?groups=custom%2Cmood&include_inactive=&limit=10"
    )


async def test_following_next_meets_everything_once(exist):
    met, url = [], "attributes/?limit=7"
    while url:
        answer = await exist.get(url)
        met += names(answer)
        url = answer.json()["next"]

    assert met == [f"tag_{number:02}" for number in range(45)]


async def test_an_empty_listing_is_one_empty_page(exist):
    answer = await exist.get("attributes/", params={"groups": "mood"})

    assert answer.json() == {"count": 0, "next": None, "previous": None, "results": []}


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


def test_a_page_size_that_exist_does_not_have_is_refused():
    with pytest.raises(ValueError, match="page_size must be from 1 to 100, not 101"):
        Sandbox(page_size=101)
    with pytest.raises(ValueError, match="page_size must be from 1 to 100, not 0"):
        Sandbox(page_size=0)


async def test_a_limit_of_more_than_a_hundred_is_a_hundred(exist, sandbox):
    for number in range(45, 120):
        sandbox.add_attribute(name=f"tag_{number}")

    assert len(names(await exist.get("attributes/", params={"limit": "100"}))) == 100
    assert len(names(await exist.get("attributes/", params={"limit": "500"}))) == 100


@pytest.mark.parametrize("limit", ["0", "-3", "many", "", "2.5"])
async def test_a_limit_that_is_none_leaves_the_default(exist, limit):
    assert len(names(await exist.get("attributes/", params={"limit": limit}))) == 20


@pytest.mark.parametrize("page", ["4", "0", "-1", "two", "1.5"])
async def test_a_page_that_is_not_there_is_not_found(exist, page):
    answer = await exist.get("attributes/", params={"page": page})

    assert answer.status_code == 404
    assert answer.json() == {"detail": "Invalid page."}


async def test_an_empty_page_number_is_the_first_and_the_word_last_is_the_last(exist):
    assert names(await exist.get("attributes/", params={"page": ""}))[0] == "tag_00"
    assert names(await exist.get("attributes/", params={"page": "last"}))[0] == "tag_40"
