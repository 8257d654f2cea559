"""Seeded correlations: `correlations/` and `correlations/combo/`."""

from datetime import date

import pytest


@pytest.fixture
def sandbox(sandbox):
    for template in ("steps", "mood", "sleep", "weight"):
        sandbox.add_attribute(template=template)
    return sandbox


@pytest.fixture
def list_pairs(exist):
    """Return a function that gets the attribute names of the listed correlations."""

    async def get(query="", client=exist):
        results = (await client.get(f"correlations/?{query}")).json()["results"]
        return [(correlation["attribute"], correlation["attribute2"]) for correlation in results]

    return get


async def test_a_correlation_has_every_documented_field(exist, sandbox):
    sandbox.add_correlation("steps", "mood", 0.625)

    assert (await exist.get("correlations/")).json() == {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [
            {
                "date": "2026-11-21",
                "period": 365,
                "offset": 0,
                "attribute": "steps",
                "attribute2": "mood",
                "value": 0.625,
                "p": 0.0001,
                "percentage": 62.5,
                "stars": 5,
                "second_person": "you have more 'Steps' when you have more 'Mood'.",
                "second_person_elements": ["you have more 'Steps'", "when", "you have more 'Mood'"],
                "attribute_category": None,
                "strength_description": "Nearly always go together",
                "stars_description": "Certain to be related",
                "description": None,
                "occurrence": None,
                "rating": None,
            }
        ],
    }


async def test_every_field_can_be_set(exist, sandbox):
    chosen = {
        "p": 0.03,
        "stars": 4,
        "period": 305,
        "offset": -1,
        "second_person_elements": ["you sleep longer", "on days after", "you walk more"],
        "attribute_category": "Work",
        "description": "Walking tires.",
        "occurrence": "Very common",
        "rating": {"positive": True, "rating_type": 50, "rating": "Useful"},
    }
    sandbox.add_correlation("sleep", "steps", -0.125, date=date(2026, 11, 15), **chosen)

    (correlation,) = (await exist.get("correlations/")).json()["results"]

    assert correlation == {
        **chosen,
        "date": "2026-11-15",
        "attribute": "sleep",
        "attribute2": "steps",
        "value": -0.125,
        "percentage": 12.5,
        "second_person": "you sleep longer on days after you walk more.",
        "strength_description": "Rarely go together",
        "stars_description": "Almost certainly related",
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-1, "Nearly always go together"),
        (0.6, "Nearly always go together"),
        (-0.55, "Quite often go together"),
        (0.2, "Sometimes go together"),
        (0, "Rarely go together"),
    ],
)
async def test_the_strength_is_described_in_words(exist, sandbox, value, words):
    sandbox.add_correlation("sleep", "steps", value)

    (correlation,) = (await exist.get("correlations/")).json()["results"]

    assert correlation["strength_description"] == words


async def test_the_sentence_of_a_negative_correlation_contains_less(exist, sandbox):
    sandbox.add_correlation("sleep", "steps", -0.5)

    (correlation,) = (await exist.get("correlations/")).json()["results"]

    assert correlation["second_person"] == "you have more 'Time asleep' when you have less 'Steps'."


async def test_correlations_are_sorted_newest_first_then_strongest_first(list_pairs, sandbox):
    sandbox.add_correlation("steps", "mood", 0.1)
    sandbox.add_correlation("steps", "sleep", -0.7)
    sandbox.add_correlation("steps", "weight", 0.9, date=date(2026, 11, 14))

    assert await list_pairs() == [("steps", "sleep"), ("steps", "mood"), ("steps", "weight")]


async def test_filters(list_pairs, sandbox):
    sandbox.add_correlation("steps", "mood", 0.8, stars=3)
    sandbox.add_correlation("sleep", "steps", -0.5)
    sandbox.add_correlation("sleep", "weight", 0.49)

    assert await list_pairs("strong=1") == [("steps", "mood"), ("sleep", "steps")]
    assert await list_pairs("confident=1") == [("sleep", "steps"), ("sleep", "weight")]
    assert await list_pairs("strong=1&confident=1") == [("sleep", "steps")]
    assert await list_pairs("attribute=steps") == [("steps", "mood"), ("sleep", "steps")]
    assert await list_pairs("attribute=floors") == []
    assert await list_pairs("attribute=") == [("steps", "mood"), ("sleep", "steps"), ("sleep", "weight")]


async def test_the_two_attributes_can_be_given_in_any_order(exist, sandbox):
    sandbox.add_correlation("steps", "mood", 0.8)
    sandbox.add_correlation("steps", "mood", 0.3, date=date(2026, 11, 14))

    one = await exist.get("correlations/combo/?attribute=steps&attribute2=mood")
    other = await exist.get("correlations/combo/?attribute=mood&attribute2=steps")

    assert one.status_code == 200
    assert (one.json()["attribute"], one.json()["attribute2"], one.json()["value"]) == ("steps", "mood", 0.8)
    assert other.json() == one.json()


@pytest.mark.parametrize(
    "query", ["attribute=steps&attribute2=sleep", "attribute=steps", "attribute2=mood", "", "attribute=a&attribute2=b"]
)
async def test_without_a_correlation_the_pair_is_not_found(exist, sandbox, query):
    sandbox.add_correlation("steps", "mood", 0.8)

    reply = await exist.get(f"correlations/combo/?{query}")

    assert (reply.status_code, reply.json()) == (404, {"error": "not_found"})


async def test_one_of_the_two_attributes_must_be_readable(list_pairs, connect, sandbox):
    for attribute in sandbox.user.attributes:
        attribute.manual = False
    sandbox.add_correlation("steps", "mood", 0.8)
    sandbox.add_correlation("sleep", "weight", 0.7)

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_read', 'manual_read'])}") as exist:
        assert await list_pairs(client=exist) == [("steps", "mood")]
        assert (await exist.get("correlations/combo/?attribute=mood&attribute2=steps")).status_code == 200
        assert (await exist.get("correlations/combo/?attribute=sleep&attribute2=weight")).status_code == 404


async def test_users_have_their_own_correlations(list_pairs, connect, sandbox):
    grace = sandbox.add_user("grace")
    for template in ("steps", "mood"):
        sandbox.add_attribute(grace, template=template)
    sandbox.add_correlation("steps", "mood", 0.8, user=grace)

    assert await list_pairs() == []
    async with connect(f"Bearer {sandbox.issue_token(grace)}") as exist:
        assert await list_pairs(client=exist) == [("steps", "mood")]


@pytest.mark.parametrize(
    ("names", "fields", "message"),
    [
        (("steps", "floors"), {}, "user 'ada' has no attribute 'floors'"),
        (("steps", "steps"), {}, "attribute and attribute2 must differ, not both be 'steps'"),
        (("steps", "mood"), {"value": 1.1}, "value must be from -1 to 1, not 1.1"),
        (("steps", "mood"), {"value": float("nan")}, "value must be from -1 to 1, not nan"),
        (("steps", "mood"), {"p": -0.1}, "p must be from 0 to 1, not -0.1"),
        (("steps", "mood"), {"stars": 0}, "stars must be from 1 to 5, not 0"),
        (("steps", "mood"), {"stars": 6}, "stars must be from 1 to 5, not 6"),
    ],
)
async def test_an_invalid_correlation_is_rejected(sandbox, names, fields, message):
    with pytest.raises(ValueError, match=message):
        sandbox.add_correlation(*names, **{"value": 0.5, **fields})
    assert sandbox.user.correlations == []
