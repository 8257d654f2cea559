"""Averages, correlations and insights: documented answers, filters and wrong arguments."""

import datetime as dt
from typing import Any

import httpx
import pytest

from exist_async import (
    AttributeTemplate,
    Average,
    ConfigurationError,
    Correlation,
    CorrelationRating,
    ExistClient,
    Group,
    Insight,
    InsightType,
    NotFoundError,
    ValueType,
)
from exist_async.sandbox import Sandbox
from support import Answering

DAY = dt.date(2022, 5, 8)

AVERAGE = {
    "user_attribute": "sleep",
    "date": "2022-05-08",
    "overall": 399,
    "monday": 382,
    "tuesday": 425,
    "wednesday": 401,
    "thursday": 394,
    "friday": 376,
    "saturday": 406,
    "sunday": 419.5,
}
CORRELATION = {
    "date": "2022-05-08",
    "period": 364,
    "offset": 0,
    "attribute": "steps",
    "attribute2": "walk",
    "value": 0.67,
    "p": 7.9e-50,
    "percentage": 67.5,
    "stars": 5,
    "second_person": "you get more steps when you tag 'walk' more.",
    "second_person_elements": ["you get more steps", "when", "you tag 'walk' more"],
    "attribute_category": None,
    "strength_description": "Nearly always go together",
    "stars_description": "Certain to be related",
    "description": None,
    "occurrence": None,
    "rating": {"positive": True, "rating_type": 50, "rating": "Useful"},
}
INSIGHT = {
    "created": "2022-05-13T08:17:30+01:00",
    "target_date": None,
    "type": {
        "name": "dow_tracks",
        "period": 1,
        "priority": 2,
        "attribute": {
            "name": "tracks",
            "label": "Tracks played",
            "group": {"name": "media", "label": "Media", "priority": 7},
            "priority": 1,
            "value_type": 0,
            "value_type_description": "Integer",
        },
    },
    "html": "<div>You listen to more music on a Friday.</div>\r\n<div>On high rotation.</div>",
    "text": "You listen to more music on a Friday.\r\nOn high rotation.",
}


def page(result: dict[str, Any]) -> Any:
    body = {"count": 1, "next": None, "previous": None, "results": [result]}
    return lambda request: httpx.Response(200, json=body)


@pytest.mark.parametrize("key", ["attribute", "user_attribute"])
async def test_the_attribute_of_an_average_is_read_from_either_key(answering: Answering, key: str) -> None:
    sent = {key if name == "user_attribute" else name: value for name, value in AVERAGE.items()}

    average = await answering(page(sent)).averages.list().first()

    assert average == Average("sleep", DAY, 399, 382, 425, 401, 394, 376, 406, 419.5)
    assert average.user_attribute == "sleep"


async def test_the_documented_correlation_is_read_field_for_field(answering: Answering) -> None:
    correlation = await answering(page(CORRELATION)).correlations.list().first()

    assert correlation == Correlation(
        attribute="steps",
        attribute2="walk",
        date=DAY,
        period=364,
        offset=0,
        value=0.67,
        p=7.9e-50,
        percentage=67.5,
        stars=5,
        second_person="you get more steps when you tag 'walk' more.",
        second_person_elements=("you get more steps", "when", "you tag 'walk' more"),
        strength_description="Nearly always go together",
        stars_description="Certain to be related",
        rating=CorrelationRating(positive=True, rating_type=50, rating="Useful"),
    )


async def test_the_documented_insight_is_read_field_for_field(answering: Answering) -> None:
    insight = await answering(page(INSIGHT)).insights.list().first()

    template = AttributeTemplate("tracks", "Tracks played", Group("media", "Media", 7), 1, ValueType.INTEGER, "Integer")
    assert insight == Insight(
        created=dt.datetime(2022, 5, 13, 8, 17, 30, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        target_date=None,
        type=InsightType("dow_tracks", 1, 2, template),
        html="<div>You listen to more music on a Friday.</div>\r\n<div>On high rotation.</div>",
        text="You listen to more music on a Friday.\r\nOn high rotation.",
    )


@pytest.mark.parametrize("noun", ["averages", "correlations", "insights"])
async def test_a_user_without_data_has_empty_listings(exist: ExistClient, noun: str) -> None:
    assert await getattr(exist, noun).list().collect() == []


async def test_averages_are_filtered(exist: ExistClient, sandbox: Sandbox) -> None:
    listing = exist.averages.list(
        date_min=DAY, date_max=DAY, groups=["sleep"], attributes=["sleep"], include_historical=True, page_size=10
    )
    await listing.collect()

    assert sandbox.requests[0].query == {
        "date_min": "2022-05-08",
        "date_max": "2022-05-08",
        "groups": "sleep",
        "attributes": "sleep",
        "include_historical": "true",
        "limit": "10",
    }


async def test_correlations_are_filtered(exist: ExistClient, sandbox: Sandbox) -> None:
    await exist.correlations.list(strong=True, confident=True, attribute="steps").collect()
    await exist.correlations.list().collect()

    assert [request.query for request in sandbox.requests] == [
        {"strong": "1", "confident": "1", "attribute": "steps", "limit": "100"},
        {"limit": "100"},
    ]


async def test_insights_are_filtered(exist: ExistClient, sandbox: Sandbox) -> None:
    await exist.insights.list(date_min=DAY, date_max=DAY, priority=2).collect()

    assert sandbox.requests[0].query == {
        "date_min": "2022-05-08",
        "date_max": "2022-05-08",
        "priority": "2",
        "limit": "100",
    }


async def test_the_two_attributes_of_a_correlation_can_be_given_in_either_order(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(template="steps")
    sandbox.add_attribute(template="mood")
    sandbox.add_correlation("steps", "mood", value=0.5)

    first = await exist.correlations.between("steps", "mood")

    assert first is not None
    assert first.value == 0.5
    assert await exist.correlations.between("mood", "steps") == first


async def test_two_attributes_without_a_correlation_give_none(exist: ExistClient) -> None:
    assert await exist.correlations.between("steps", "mood") is None


@pytest.mark.parametrize("body", ['{"error": "not_found"}', '{"detail": "Not found."}', "{}", ""])
async def test_a_404_of_exist_s_own_means_that_there_is_no_correlation(answering: Answering, body: str) -> None:
    assert await answering(lambda request: httpx.Response(404, text=body)).correlations.between("a", "b") is None


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        " <!DOCTYPE html>",
        "404 page not found",
        '{"error": "no_such_attribute"}',
        '{"error": "no_such_attribute", "detail": "There is no attribute steps."}',
        '{"message": "no Route matched with those values"}',
    ],
)
async def test_a_404_for_another_reason_is_an_error(answering: Answering, body: str) -> None:
    with pytest.raises(NotFoundError):
        await answering(lambda request: httpx.Response(404, text=body)).correlations.between("steps", "mood")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda exist: exist.averages.list(date_min=dt.datetime.now(dt.UTC)),
            "date_min must be a date in the user's time zone, not a datetime",
        ),
        (lambda exist: exist.averages.list(attributes="sleep"), "attributes must be a list of names"),
        (lambda exist: exist.averages.list(include_historical="yes"), "include_historical must be True or False"),
        (lambda exist: exist.correlations.list(strong=1), "strong must be True or False"),
        (lambda exist: exist.correlations.list(attribute=""), "attribute is empty"),
        (lambda exist: exist.insights.list(priority=5), "priority must be from 1 to 4, not 5"),
        (lambda exist: exist.insights.list(date_max="today"), r"date_max must be a datetime\.date, not str"),
    ],
)
def test_a_wrong_argument_is_named(exist: ExistClient, make: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make(exist)
