"""Seeded insights: `insights/`."""

from datetime import UTC, date, datetime

import pytest


@pytest.fixture
def sandbox(sandbox):
    for template in ("steps", "mood"):
        sandbox.add_attribute(template=template)
    return sandbox


@pytest.fixture
def list_texts(exist):
    """Return a function that gets the texts of the listed insights."""

    async def get(query="", client=exist):
        return [insight["text"] for insight in (await client.get(f"insights/?{query}")).json()["results"]]

    return get


async def test_an_insight_has_every_documented_field(exist, sandbox):
    sandbox.add_insight("steps", 'You walk more on a Friday.\n"Ada\'s" best < 3 weeks.', target_date=date(2026, 11, 20))

    assert (await exist.get("insights/")).json() == {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [
            {
                "created": "2026-11-21T05:30:00+11:00",
                "target_date": "2026-11-20",
                "type": {
                    "name": "sandbox",
                    "period": 1,
                    "priority": 2,
                    "attribute": {
                        "name": "steps",
                        "label": "Steps",
                        "group": {"name": "activity", "label": "Activity", "priority": 1},
                        "priority": 1,
                        "value_type": 0,
                        "value_type_description": "Integer",
                    },
                },
                "html": '<div class="secondary">You walk more on a Friday.</div>\r\n'
                '<div class="num-label">&quot;Ada&#x27;s&quot; best &lt; 3 weeks.</div>',
                "text": 'You walk more on a Friday.\r\n"Ada\'s" best < 3 weeks.',
            }
        ],
    }


async def test_every_field_can_be_set(exist, sandbox):
    created = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)
    sandbox.add_insight("mood", "A good month.", created=created, name="month_mood", period=30, priority=4)

    (insight,) = (await exist.get("insights/")).json()["results"]

    assert insight["created"] == "2026-11-01T10:00:00+11:00"
    assert insight["target_date"] is None
    assert (insight["type"]["name"], insight["type"]["period"], insight["type"]["priority"]) == ("month_mood", 30, 4)
    assert insight["html"] == '<div class="secondary">A good month.</div>'


async def test_insights_are_sorted_newest_first(list_texts, sandbox):
    sandbox.add_insight("steps", "old", created=datetime(2026, 11, 1, tzinfo=UTC))
    sandbox.add_insight("steps", "new")
    sandbox.add_insight("steps", "older", created=datetime(2026, 10, 1, tzinfo=UTC))

    assert await list_texts() == ["new", "old", "older"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("date_min=2026-11-19", ["no day", "19"]),
        ("date_max=2026-11-19", ["19", "18"]),
        ("date_min=2026-11-19&date_max=2026-11-19", ["19"]),
        ("date_min=2026-11-21", ["no day"]),
        ("priority=2", ["no day", "18"]),
        ("priority=1", ["19"]),
        ("priority=3", []),
        ("priority=", ["no day", "19", "18"]),
    ],
)
async def test_filters(list_texts, sandbox, query, expected):
    sandbox.add_insight("steps", "18", target_date=date(2026, 11, 18))
    sandbox.add_insight("steps", "19", target_date=date(2026, 11, 19), priority=1)
    sandbox.add_insight("steps", "no day", created=datetime(2026, 11, 20, 19, 0, tzinfo=UTC))

    assert await list_texts(query) == expected


@pytest.mark.parametrize(
    ("query", "field"), [("date_min=x", "date_min"), ("date_max=x", "date_max"), ("priority=5", "priority")]
)
async def test_an_invalid_query_parameter_is_a_bad_request(exist, query, field):
    reply = await exist.get(f"insights/?{query}")

    assert reply.status_code == 400
    assert list(reply.json()) == [field]


async def test_insights_are_limited_to_the_read_scopes_and_the_user(list_texts, connect, sandbox):
    grace = sandbox.add_user("grace")
    sandbox.add_attribute(grace, template="steps")
    sandbox.add_insight("steps", "steps")
    sandbox.add_insight("mood", "mood")
    sandbox.add_insight("steps", "of Grace", user=grace)

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_read'])}") as exist:
        assert await list_texts(client=exist) == ["mood"]
    async with connect(f"Bearer {sandbox.issue_token(grace)}") as exist:
        assert await list_texts(client=exist) == ["of Grace"]


@pytest.mark.parametrize(
    ("name", "text", "fields", "message"),
    [
        ("floors", "text", {}, "user 'ada' has no attribute 'floors'"),
        ("steps", " \n", {}, "text must not be blank"),
        ("steps", "text", {"priority": 0}, "priority must be from 1 to 4, not 0"),
        ("steps", "text", {"priority": 5}, "priority must be from 1 to 4, not 5"),
    ],
)
async def test_an_invalid_insight_is_rejected(sandbox, name, text, fields, message):
    with pytest.raises(ValueError, match=message):
        sandbox.add_insight(name, text, **fields)
    assert sandbox.user.insights == []
