"""Exist's answers, as documented and as recorded, rebuilt by hand: the contract of the client and of the sandbox.

The data is that of an invented user. Every row is checked twice: the client decodes the answer to what is expected, and
the sandbox gives the same answer in the same situation.
"""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from attrs import frozen

from exist_async import (
    Attribute,
    AttributeEcho,
    AttributeTemplate,
    AttributeWithValues,
    Average,
    ByName,
    ByTemplate,
    Correlation,
    CustomAttribute,
    DayValue,
    ExistClient,
    Group,
    Insight,
    InsightType,
    Service,
    UserProfile,
    ValueEcho,
    ValueIncrement,
    ValueType,
    ValueUpdate,
)
from exist_async.sandbox import Sandbox

TODAY = dt.date(2026, 11, 21)
YESTERDAY = dt.date(2026, 11, 20)
MELBOURNE = dt.timezone(dt.timedelta(hours=11))

Json = Any


@frozen(kw_only=True)
class Recording:
    """One answer.

    Attributes:
        title: The situation.
        source: Whether the answer is documented, or was recorded.
        path: Path below `/api/2/`, with the query.
        sent: Body of a POST; None for a GET.
        status: Status of the answer.
        body: JSON of the answer; None if it is empty.
        call: The call of the client that sends this request.
        expected: Result of the call: for a write, the values of the items that succeeded and `(code, error)` of those
            that were refused; for an error, its class name and `detail`.
        arrange: Puts the sandbox into the situation; None if it answers in another of the known forms.
        extras: Undocumented fields of a recording, which the sandbox leaves out.
    """

    title: str
    source: Literal["documented", "recorded"]
    path: str
    sent: Json = None
    status: int = 200
    body: Json
    call: Callable[[ExistClient], Awaitable[Any]]
    expected: Any
    arrange: Callable[[Sandbox], object] | None
    extras: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.title


def page(*results: Json) -> Json:
    return {"count": len(results), "next": None, "previous": None, "results": list(results)}


ACTIVITY = {"name": "activity", "label": "Activity", "priority": 1}
MOOD = {"name": "mood", "label": "Mood", "priority": 3}
CUSTOM = {"name": "custom", "label": "Daily tags", "priority": 3}
HEALTH = {"name": "health", "label": "Health and body", "priority": 8}
OURS = {"name": "my_client", "label": "My client"}
TRACKER = {"name": "tracker", "label": "Tracker"}

STEPS = {
    "template": "steps",
    "name": "steps",
    "label": "Steps",
    "group": ACTIVITY,
    "service": TRACKER,
    "active": True,
    "priority": 1,
    "manual": False,
    "value_type": 0,
    "value_type_description": "Integer",
    "available_services": [TRACKER, OURS],
}
STEPS_WITH_VALUES = {key: value for key, value in STEPS.items() if key != "available_services"}
MOOD_TEMPLATE = {
    "name": "mood",
    "label": "Mood",
    "group": MOOD,
    "priority": 1,
    "value_type": 8,
    "value_type_description": "Integer scale (1-9)",
}
TAG = {
    "template": None,
    "name": "sunny_day",
    "label": "Sunny day",
    "group": CUSTOM,
    "service": OURS,
    "active": True,
    "priority": 2,
    "manual": False,
    "value_type": 7,
    "value_type_description": "Boolean",
    "available_services": [],
}
DOSES = {**TAG, "name": "doses", "label": "Doses", "group": HEALTH, "priority": 9, "manual": True, "value_type": 0}
DOSES["value_type_description"] = "Integer"
CORRELATION = {
    "date": "2026-11-21",
    "period": 365,
    "offset": -1,
    "attribute": "mood",
    "attribute2": "steps",
    "value": 0.6,
    "p": 0.0001,
    "percentage": 60.0,
    "stars": 5,
    "second_person": "you have a better day after more steps.",
    "second_person_elements": ["you have a better day", "after", "more steps"],
    "attribute_category": None,
    "strength_description": "Nearly always go together",
    "stars_description": "Certain to be related",
    "description": None,
    "occurrence": None,
    "rating": None,
}

INSIGHT_HTML = '<div class="secondary">Yesterday: 8</div>\r\n<div class="num-label">The best day in 30 days</div>'

A_STEPS = Attribute(
    "steps",
    "steps",
    "Steps",
    Group("activity", "Activity", 1),
    Service("tracker", "Tracker"),
    True,
    1,
    False,
    ValueType.INTEGER,
    "Integer",
    (Service("tracker", "Tracker"), Service("my_client", "My client")),
)
A_TAG = Attribute(
    "sunny_day",
    None,
    "Sunny day",
    Group("custom", "Daily tags", 3),
    Service("my_client", "My client"),
    True,
    2,
    False,
    ValueType.BOOLEAN,
    "Boolean",
)
A_CORRELATION = Correlation(
    attribute="mood",
    attribute2="steps",
    date=TODAY,
    period=365,
    offset=-1,
    value=0.6,
    p=0.0001,
    percentage=60.0,
    stars=5,
    second_person="you have a better day after more steps.",
    second_person_elements=("you have a better day", "after", "more steps"),
    strength_description="Nearly always go together",
    stars_description="Certain to be related",
)


def steps_of_a_tracker(sandbox: Sandbox, **options: Any) -> None:
    tracker = sandbox.add_service("tracker", "Tracker")
    sandbox.add_attribute(
        template="steps", service=tracker, available_services=[sandbox.service], manual=False, **options
    )


def own(*templates: str) -> Callable[[Sandbox], None]:
    def arrange(sandbox: Sandbox) -> None:
        for template in templates:
            sandbox.add_attribute(template=template, service=sandbox.service)

    return arrange


def values(sandbox: Sandbox) -> None:
    steps_of_a_tracker(sandbox)
    sandbox.set_values("steps", {TODAY: 8123, YESTERDAY - dt.timedelta(days=1): 7342})


def low_priority(sandbox: Sandbox) -> None:
    sandbox.missing_days = "absent"
    builtin = sandbox.add_service("builtin", "Exist")
    sandbox.add_attribute(
        name="steps_goal", label="Step goal", group="activity", value_type=0, service=builtin, priority=11
    )


def correlated(sandbox: Sandbox) -> None:
    own("mood", "steps")(sandbox)
    sandbox.add_correlation(
        "mood", "steps", 0.6, offset=-1, second_person_elements=["you have a better day", "after", "more steps"]
    )


def insight(sandbox: Sandbox) -> None:
    own("mood")(sandbox)
    sandbox.add_insight(
        "mood", "Yesterday: 8\nThe best day in 30 days", target_date=YESTERDAY, name="mood_highest_month", period=30
    )


def averages(sandbox: Sandbox) -> None:
    own("mood")(sandbox)
    sandbox.set_values("mood", {TODAY: 7, YESTERDAY: 6})


def averages_by_user_attribute(sandbox: Sandbox) -> None:
    averages(sandbox)
    sandbox.averages_key = "user_attribute"


def averages_by_attribute(sandbox: Sandbox) -> None:
    averages(sandbox)
    sandbox.averages_key = "attribute"


def released(sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps", active=False)
    sandbox.set_values("steps", {YESTERDAY: 8123})


def twelve_coffees(sandbox: Sandbox) -> None:
    own("coffees")(sandbox)
    sandbox.set_values("coffees", {TODAY: 11, YESTERDAY: 3})


AVERAGE = {
    "date": "2026-11-21",
    "overall": 6.5,
    "monday": None,
    "tuesday": None,
    "wednesday": None,
    "thursday": None,
    "friday": 6,
    "saturday": 7,
    "sunday": None,
}
NOT_OURS = {
    "name": "steps",
    "date": "2026-11-21",
    "value": 7,
    "error": "Attribute 'steps' does not belong to this service",
    "error_code": "unauthorised",
}

RECORDINGS = (
    Recording(
        title="the profile",
        source="recorded",
        path="accounts/profile/",
        body={
            "username": "ada",
            "first_name": "Ada",
            "last_name": "Example",
            "avatar": "",
            "timezone": "Australia/Melbourne",
            "local_time": "2026-11-21T05:30:00.123456+11:00",
            "imperial_distance": False,
            "imperial_weight": False,
            "imperial_energy": False,
            "imperial_liquid": False,
            "imperial_temperature": False,
            "trial": False,
            "delinquent": False,
            "weekly_email": True,
            "yearly_email": True,
        },
        call=lambda exist: exist.profile.get(),
        expected=UserProfile(
            username="ada",
            first_name="Ada",
            last_name="Example",
            avatar="",
            timezone="Australia/Melbourne",
            local_time=dt.datetime(2026, 11, 21, 5, 30, 0, 123456, tzinfo=MELBOURNE),
            imperial_distance=False,
            imperial_weight=False,
            imperial_energy=False,
            imperial_liquid=False,
            imperial_temperature=False,
            trial=False,
            delinquent=False,
            weekly_email=True,
            yearly_email=True,
        ),
        arrange=lambda sandbox: None,
        extras=frozenset({"weekly_email", "yearly_email"}),
    ),
    Recording(
        title="an attribute of another service",
        source="recorded",
        path="attributes/?limit=100",
        body=page({**STEPS, "subgroup": None}),
        call=lambda exist: exist.attributes.list().collect(),
        expected=[A_STEPS],
        arrange=steps_of_a_tracker,
        extras=frozenset({"subgroup"}),
    ),
    Recording(
        title="an attribute that nobody owns, with an empty text for its service",
        source="recorded",
        path="attributes/?limit=100",
        body=page({**STEPS, "service": "", "active": False, "available_services": []}),
        call=lambda exist: exist.attributes.list().collect(),
        expected=[
            Attribute(
                "steps",
                "steps",
                "Steps",
                Group("activity", "Activity", 1),
                None,
                False,
                1,
                False,
                ValueType.INTEGER,
                "Integer",
            )
        ],
        arrange=None,
    ),
    Recording(
        title="an inactive attribute is listed on request",
        source="documented",
        path="attributes/?include_inactive=true&limit=100",
        body=page({**STEPS, "service": None, "active": False, "manual": True, "available_services": []}),
        call=lambda exist: exist.attributes.list(include_inactive=True).collect(),
        expected=[
            Attribute(
                "steps",
                "steps",
                "Steps",
                Group("activity", "Activity", 1),
                None,
                False,
                1,
                True,
                ValueType.INTEGER,
                "Integer",
            )
        ],
        arrange=released,
    ),
    Recording(
        title="an own attribute",
        source="documented",
        path="attributes/owned/?limit=100",
        body=page(
            {
                **MOOD_TEMPLATE,
                "template": "mood",
                "service": OURS,
                "active": True,
                "manual": True,
                "available_services": [OURS],
            }
        ),
        call=lambda exist: exist.attributes.owned().collect(),
        expected=[
            Attribute(
                "mood",
                "mood",
                "Mood",
                Group("mood", "Mood", 3),
                Service("my_client", "My client"),
                True,
                1,
                True,
                ValueType.SCALE,
                "Integer scale (1-9)",
                (Service("my_client", "My client"),),
            )
        ],
        arrange=own("mood"),
    ),
    Recording(
        title="the templates of a group",
        source="documented",
        path="attributes/templates/?groups=weather&limit=1",
        body={
            "count": 6,
            "next": "https://exist.io/api/2/attributes/templates/?groups=weather&limit=1&page=2",
            "previous": None,
            "results": [
                {
                    "name": "weather_temp_max",
                    "label": "Maximum temperature",
                    "group": {"name": "weather", "label": "Weather", "priority": 10},
                    "priority": 1,
                    "value_type": 1,
                    "value_type_description": "Float",
                }
            ],
        },
        call=lambda exist: exist.attributes.templates(groups=["weather"]).first(),
        expected=AttributeTemplate(
            "weather_temp_max", "Maximum temperature", Group("weather", "Weather", 10), 1, ValueType.DECIMAL, "Float"
        ),
        arrange=lambda sandbox: None,
    ),
    Recording(
        title="a page beyond the end",
        source="documented",
        path="attributes/?limit=100&page=2",
        status=404,
        body={"detail": "Invalid page."},
        call=lambda exist: anext(exist.attributes.list().pages(start=2), "no page"),
        expected="no page",
        arrange=lambda sandbox: None,
    ),
    Recording(
        title="values of the last days, with a day that has none",
        source="documented",
        path="attributes/with-values/?days=3&limit=100",
        body=page(
            {
                **STEPS_WITH_VALUES,
                "values": [
                    {"date": "2026-11-21", "value": 8123},
                    {"date": "2026-11-20", "value": None},
                    {"date": "2026-11-19", "value": 7342},
                ],
            }
        ),
        call=lambda exist: exist.values.recent(3).collect(),
        expected=[
            AttributeWithValues(
                "steps",
                "steps",
                "Steps",
                Group("activity", "Activity", 1),
                Service("tracker", "Tracker"),
                True,
                1,
                False,
                ValueType.INTEGER,
                "Integer",
                (),
                (DayValue(TODAY, 8123), DayValue(YESTERDAY), DayValue(dt.date(2026, 11, 19), 7342)),
            )
        ],
        arrange=values,
    ),
    Recording(
        title="an attribute of low priority is among those with values, and its values are empty",
        source="recorded",
        path="attributes/with-values/?days=1&limit=100",
        body=page(
            {
                **STEPS_WITH_VALUES,
                "template": None,
                "name": "steps_goal",
                "label": "Step goal",
                "service": {"name": "builtin", "label": "Exist"},
                "priority": 11,
                "manual": True,
                "values": [],
            }
        ),
        call=lambda exist: exist.values.recent(1).collect(),
        expected=[
            AttributeWithValues(
                "steps_goal",
                None,
                "Step goal",
                Group("activity", "Activity", 1),
                Service("builtin", "Exist"),
                True,
                11,
                True,
                ValueType.INTEGER,
                "Integer",
            )
        ],
        arrange=low_priority,
    ),
    Recording(
        title="an attribute of low priority is not among those without values",
        source="recorded",
        path="attributes/?limit=100",
        body=page(),
        call=lambda exist: exist.attributes.list().collect(),
        expected=[],
        arrange=low_priority,
    ),
    Recording(
        title="an inactive attribute is not among those with values",
        source="recorded",
        path="attributes/with-values/?days=1&limit=100",
        body=page(),
        call=lambda exist: exist.values.recent(1).collect(),
        expected=[],
        arrange=released,
    ),
    Recording(
        title="the values of one attribute",
        source="documented",
        path="attributes/values/?attribute=steps&limit=100",
        body=page(
            {"date": "2026-11-21", "value": 8123},
            {"date": "2026-11-20", "value": None},
            {"date": "2026-11-19", "value": 7342},
        ),
        call=lambda exist: exist.values.of("steps").collect(),
        expected=[DayValue(TODAY, 8123), DayValue(YESTERDAY), DayValue(dt.date(2026, 11, 19), 7342)],
        arrange=values,
    ),
    Recording(
        title="the values of an inactive attribute",
        source="recorded",
        path="attributes/values/?attribute=steps&limit=100",
        status=404,
        body={"detail": "Not found."},
        call=lambda exist: exist.values.of("steps").collect(),
        expected=("NotFoundError", "Not found."),
        arrange=released,
    ),
    Recording(
        title="creating a tag, answered with the whole attribute",
        source="recorded",
        path="attributes/create/?success_objects=true",
        sent=[{"label": "Sunny day", "group": "custom", "value_type": 7, "manual": False}],
        body={"success": [TAG], "failed": []},
        call=lambda exist: exist.attributes.create(
            [CustomAttribute("Sunny day", "custom", ValueType.BOOLEAN, manual=False)]
        ),
        expected=[A_TAG],
        arrange=lambda sandbox: None,
    ),
    Recording(
        title="creating a custom attribute that is no tag",
        source="recorded",
        path="attributes/create/?success_objects=true",
        sent=[{"label": "Doses", "group": "health", "value_type": 0, "manual": True}],
        body={"success": [DOSES], "failed": []},
        call=lambda exist: exist.attributes.create(
            [CustomAttribute("Doses", "health", ValueType.INTEGER, manual=True)]
        ),
        expected=[
            Attribute(
                "doses",
                None,
                "Doses",
                Group("health", "Health and body", 8),
                Service("my_client", "My client"),
                True,
                9,
                True,
                ValueType.INTEGER,
                "Integer",
            )
        ],
        arrange=lambda sandbox: None,
    ),
    Recording(
        title="creating from a template, answered with the item and a group that is a plain text",
        source="documented",
        path="attributes/create/",
        sent=[{"template": "steps", "manual": False}],
        body={
            "success": [{"template": "steps", "manual": False, "name": "steps", "priority": 1, "group": "activity"}],
            "failed": [],
        },
        call=lambda exist: exist.attributes.create([ByTemplate("steps", manual=False)], success_objects=False),
        expected=[AttributeEcho(name="steps", template="steps", manual=False, priority=1, group="activity")],
        arrange=lambda sandbox: None,
    ),
    Recording(
        title="acquiring, answered with the item",
        source="documented",
        path="attributes/acquire/",
        sent=[{"name": "steps", "manual": False}],
        body={"success": [{"name": "steps", "manual": False, "active": True}], "failed": []},
        call=lambda exist: exist.attributes.acquire([ByName("steps", manual=False)], success_objects=False),
        expected=[AttributeEcho(name="steps", manual=False, active=True)],
        arrange=steps_of_a_tracker,
    ),
    Recording(
        title="acquiring, answered with a flag that is a text",
        source="documented",
        path="attributes/acquire/",
        sent=[{"name": "steps", "manual": False}],
        body={"success": [{"name": "steps", "active": "true"}]},
        call=lambda exist: exist.attributes.acquire([ByName("steps", manual=False)], success_objects=False),
        expected=[AttributeEcho(name="steps", active=True)],
        arrange=None,
    ),
    Recording(
        title="acquiring what the user does not have",
        source="documented",
        path="attributes/acquire/",
        sent=[{"name": "guitar"}],
        status=202,
        body={
            "success": [],
            "failed": [{"name": "guitar", "error": "Attribute 'guitar' does not exist", "error_code": "not_found"}],
        },
        call=lambda exist: exist.attributes.acquire([ByName("guitar")], success_objects=False),
        expected=[("not_found", "Attribute 'guitar' does not exist")],
        arrange=lambda sandbox: None,
    ),
    Recording(
        title="releasing the last service's attribute",
        source="recorded",
        path="attributes/release/",
        sent=[{"name": "mood"}],
        body={"success": [{"name": "mood", "service": "", "active": False}], "failed": []},
        call=lambda exist: exist.attributes.release(["mood"]),
        expected=[AttributeEcho(name="mood", active=False)],
        arrange=own("mood"),
    ),
    Recording(
        title="updating, in the order of the request",
        source="recorded",
        path="attributes/update/",
        sent=[{"name": "mood", "date": "2026-11-21", "value": 7}, {"name": "mood", "date": "2026-11-20", "value": 6}],
        body={
            "success": [
                {"name": "mood", "date": "2026-11-21", "value": 7},
                {"name": "mood", "date": "2026-11-20", "value": 6},
            ],
            "failed": [],
        },
        call=lambda exist: exist.values.update([ValueUpdate("mood", TODAY, 7), ValueUpdate("mood", YESTERDAY, 6)]),
        expected=[ValueEcho("mood", TODAY, 7), ValueEcho("mood", YESTERDAY, 6)],
        arrange=own("mood"),
    ),
    Recording(
        title="updating an attribute of another service",
        source="documented",
        path="attributes/update/",
        sent=[{"name": "steps", "date": "2026-11-21", "value": 7}],
        status=202,
        body={"success": [], "failed": [NOT_OURS]},
        call=lambda exist: exist.values.update([ValueUpdate("steps", TODAY, 7)]),
        expected=[("unauthorised", "Attribute 'steps' does not belong to this service")],
        arrange=steps_of_a_tracker,
    ),
    Recording(
        title="refusing with the status of a success",
        source="recorded",
        path="attributes/update/",
        sent=[{"name": "steps", "date": "2026-11-21", "value": 7}],
        body={"failed": [NOT_OURS]},
        call=lambda exist: exist.values.update([ValueUpdate("steps", TODAY, 7)]),
        expected=[("unauthorised", "Attribute 'steps' does not belong to this service")],
        arrange=None,
    ),
    Recording(
        title="incrementing on a day",
        source="documented",
        path="attributes/increment/",
        sent=[{"name": "coffees", "value": 1, "date": "2026-11-20"}],
        body={"success": [{"name": "coffees", "value": 1, "date": "2026-11-20", "current": 4}], "failed": []},
        call=lambda exist: exist.values.increment([ValueIncrement("coffees", 1, YESTERDAY)]),
        expected=[ValueEcho("coffees", YESTERDAY, 1, 4)],
        arrange=twelve_coffees,
    ),
    Recording(
        title="incrementing without a date, answered without one",
        source="recorded",
        path="attributes/increment/",
        sent=[{"name": "coffees", "value": 1}],
        body={"success": [{"name": "coffees", "value": 1, "current": 12}], "failed": []},
        call=lambda exist: exist.values.increment([ValueIncrement("coffees", 1)]),
        expected=[ValueEcho("coffees", None, 1, 12)],
        arrange=twelve_coffees,
    ),
    *(
        Recording(
            title=f"averages that name the attribute in {key}",
            source="documented",
            path="averages/?limit=100",
            body=page({key: "mood", **AVERAGE}),
            call=lambda exist: exist.averages.list().collect(),
            expected=[Average(attribute="mood", date=TODAY, overall=6.5, friday=6, saturday=7)],
            arrange=arrange,
        )
        for key, arrange in (("user_attribute", averages_by_user_attribute), ("attribute", averages_by_attribute))
    ),
    Recording(
        title="correlations",
        source="recorded",
        path="correlations/?limit=100",
        body=page(CORRELATION),
        call=lambda exist: exist.correlations.list().collect(),
        expected=[A_CORRELATION],
        arrange=correlated,
    ),
    Recording(
        title="the correlation of two attributes",
        source="recorded",
        path="correlations/combo/?attribute=steps&attribute2=mood",
        body=CORRELATION,
        call=lambda exist: exist.correlations.between("steps", "mood"),
        expected=A_CORRELATION,
        arrange=correlated,
    ),
    Recording(
        title="two attributes without a correlation",
        source="recorded",
        path="correlations/combo/?attribute=steps&attribute2=mood",
        status=404,
        body={"error": "not_found"},
        call=lambda exist: exist.correlations.between("steps", "mood"),
        expected=None,
        arrange=own("mood", "steps"),
    ),
    Recording(
        title="an insight, in lines",
        source="recorded",
        path="insights/?limit=100",
        body=page(
            {
                "created": "2026-11-21T05:30:00+11:00",
                "target_date": "2026-11-20",
                "type": {"name": "mood_highest_month", "period": 30, "priority": 2, "attribute": MOOD_TEMPLATE},
                "html": INSIGHT_HTML,
                "text": "Yesterday: 8\r\nThe best day in 30 days",
            }
        ),
        call=lambda exist: exist.insights.list().collect(),
        expected=[
            Insight(
                created=dt.datetime(2026, 11, 21, 5, 30, tzinfo=MELBOURNE),
                target_date=YESTERDAY,
                type=InsightType(
                    "mood_highest_month",
                    30,
                    2,
                    AttributeTemplate(
                        "mood", "Mood", Group("mood", "Mood", 3), 1, ValueType.SCALE, "Integer scale (1-9)"
                    ),
                ),
                html=INSIGHT_HTML,
                text="Yesterday: 8\r\nThe best day in 30 days",
            )
        ],
        arrange=insight,
    ),
)
