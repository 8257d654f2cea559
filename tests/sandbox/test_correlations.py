"""Correlations, as they were seeded."""

from datetime import date

import pytest


@pytest.fixture
def sandbox(sandbox):
    for template in ("steps", "mood", "sleep", "weight"):
        sandbox.add_attribute(template=template)
    return sandbox


@pytest.fixture
def listed(exist):
    """List the pairs of names that a query answers."""

    async def ask(query="", client=exist):
        results = (await client.get(f"correlations/?{query}")).json()["results"]
        return [(correlation["attribute"], correlation["attribute2"]) for correlation in results]

    return ask


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


async def test_every_field_may_be_chosen(exist, sandbox):
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
async def test_the_strength_is_said_in_words(exist, sandbox, value, words):
    sandbox.add_correlation("sleep", "steps", value)

    (correlation,) = (await exist.get("correlations/")).json()["results"]

    assert correlation["strength_description"] == words


async def test_less_of_the_one_is_said_of_a_negative_correlation(exist, sandbox):
    sandbox.add_correlation("sleep", "steps", -0.5)

    (correlation,) = (await exist.get("correlations/")).json()["results"]

    assert correlation["second_person"] == "you have more 'Time asleep' when you have less 'Steps'."


async def test_the_newest_come_first_and_of_a_day_the_strongest(listed, sandbox):
    sandbox.add_correlation("steps", "mood", 0.1)
    sandbox.add_correlation("steps", "sleep", -0.7)
    sandbox.add_correlation("steps", "weight", 0.9, date=date(2026, 11, 14))

    assert await listed() == [("steps", "sleep"), ("steps", "mood"), ("steps", "weight")]


async def test_filters(listed, sandbox):
    sandbox.add_correlation("steps", "mood", 0.8, stars=3)
    sandbox.add_correlation("sleep", "steps", -0.5)
    sandbox.add_correlation("sleep", "weight", 0.49)

    assert await listed("strong=1") == [("steps", "mood"), ("sleep", "steps")]
    assert await listed("confident=1") == [("sleep", "steps"), ("sleep", "weight")]
    assert await listed("strong=1&confident=1") == [("sleep", "steps")]
    assert await listed("attribute=steps") == [("steps", "mood"), ("sleep", "steps")]
    assert await listed("attribute=floors") == []
    assert await listed("attribute=") == [("steps", "mood"), ("sleep", "steps"), ("sleep", "weight")]


async def test_two_attributes_are_asked_for_in_any_order(exist, sandbox):
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
async def test_what_does_not_go_together_is_not_found(exist, sandbox, query):
    sandbox.add_correlation("steps", "mood", 0.8)

    answer = await exist.get(f"correlations/combo/?{query}")

    assert (answer.status_code, answer.json()) == (404, {"error": "not_found"})


async def test_one_of_the_two_has_to_be_in_the_read_scopes(listed, connect, sandbox):
    for attribute in sandbox.user.attributes:
        attribute.manual = False
    sandbox.add_correlation("steps", "mood", 0.8)
    sandbox.add_correlation("sleep", "weight", 0.7)

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_read', 'manual_read'])}") as exist:
        assert await listed(client=exist) == [("steps", "mood")]
        assert (await exist.get("correlations/combo/?attribute=mood&attribute2=steps")).status_code == 200
        assert (await exist.get("correlations/combo/?attribute=sleep&attribute2=weight")).status_code == 404


async def test_users_have_their_own_correlations(listed, connect, sandbox):
    grace = sandbox.add_user("grace")
    for template in ("steps", "mood"):
        sandbox.add_attribute(grace, template=template)
    sandbox.add_correlation("steps", "mood", 0.8, user=grace)

    assert await listed() == []
    async with connect(f"Bearer {sandbox.issue_token(grace)}") as exist:
        assert await listed(client=exist) == [("steps", "mood")]


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
async def test_a_correlation_that_cannot_be_is_refused(sandbox, names, fields, message):
    with pytest.raises(ValueError, match=message):
        sandbox.add_correlation(*names, **{"value": 0.5, **fields})
    assert sandbox.user.correlations == []
