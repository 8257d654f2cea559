"""Tables of a history: what is read, and with how many requests."""

import datetime as dt
import sys

import httpx
import pytest
from histories import END, WITH_VALUES, asked, back, read, track
from table_values import cells, types_of

from exist_async import ConfigurationError, ValueType

LISTING = "/api/2/attributes/"


async def test_a_long_table_has_all_values_and_costs_no_request_more_than_the_history(exist, sandbox):
    tracked = track(sandbox, 120, 62)
    await read(exist.values.history(back(62), END))
    requests = len(sandbox.requests)

    table = await exist.values.history(back(62), END).table()

    assert len(sandbox.requests) == 2 * requests
    rows = cells(table)
    assert list(zip(rows["attribute"], rows["date"], rows["number"], strict=True)) == [
        (name, day.date, day.value) for name, days in sorted(tracked.items()) for day in reversed(days)
    ]
    assert rows["text"] == [None] * 120 * 62


async def test_a_wide_table_costs_one_request_more_for_each_hundred_attributes(exist, sandbox):
    track(sandbox, 120, 3)

    table = await exist.values.history(back(3), END).table(wide=True)

    assert asked(sandbox, LISTING) == 2
    assert table.column_names == ["date", *(f"thing_{n:03}" for n in range(120))]
    assert cells(table)["thing_007"] == [7002, 7001, 7000]


async def test_columns_have_the_types_that_exist_names_also_of_attributes_of_low_priority(exist, sandbox):
    sandbox.add_attribute(name="nap", group="sleep", value_type=ValueType.DURATION, priority=10)
    sandbox.set_value("nap", END, 25)
    track(sandbox, 1, 1)

    table = await exist.values.history(END, END, attributes=["thing_000", "nap"]).table(wide=True)

    assert types_of(table) == {"date": "Date32", "thing_000": "Int64", "nap": "Duration(s)"}
    assert cells(table)["nap"] == [dt.timedelta(minutes=25)]
    assert asked(sandbox, LISTING) == 1


async def test_named_attributes_have_their_columns_in_order_also_without_values(exist, sandbox):
    track(sandbox, 2, 1)
    sandbox.add_attribute(name="note", group="mood", value_type=ValueType.STRING)

    table = await exist.values.history(END, END, attributes=["thing_001", "note", "gone", "thing_000"]).table(wide=True)

    assert cells(table) == {"date": [END], "thing_001": [1000], "note": [None], "gone": [None], "thing_000": [0]}
    assert types_of(table)["note"] == "Utf8"


async def test_more_names_than_fit_into_one_request_are_looked_up_in_the_listing_of_all(exist, sandbox):
    names = [f"{'long' * 20}_{n}" for n in range(40)]
    for name in names:
        sandbox.add_attribute(name=name, group="health", value_type=ValueType.BOOLEAN)
        sandbox.set_value(name, END, 1)

    table = await exist.values.history(END, END, attributes=names).table(wide=True)

    assert cells(table)[names[0]] == [True]
    assert [request.query for request in sandbox.requests if request.path == LISTING] == [
        {"include_inactive": "true", "include_low_priority": "true", "limit": "100"}
    ]


async def test_an_empty_history_gives_an_empty_table(exist, sandbox):
    track(sandbox, 2, 1)
    before = END - dt.timedelta(days=400)

    long = await exist.values.history(before, before).table()
    wide = await exist.values.history(before, before).table(wide=True)

    assert (len(long), long.column_names) == (0, ["attribute", "date", "number", "text"])
    assert (len(wide), wide.column_names) == (0, ["date"])


async def test_types_are_requested_before_the_values_so_that_a_spent_budget_loses_none(exist, sandbox):
    track(sandbox, 120, 1)

    await exist.values.history(END, END, groups=["health"]).table(wide=True)

    assert [request.path for request in sandbox.requests] == [LISTING, LISTING, WITH_VALUES, WITH_VALUES]
    assert {request.query["groups"] for request in sandbox.requests} == {"health"}


async def test_a_type_that_nobody_knows_and_other_malformed_fields_are_no_obstacle(answering):
    def answer(request):
        values = {"values": [{"date": "2026-11-20", "value": 3}]} if "with-values" in request.url.path else {}
        listed = [
            {"name": "new", "value_type": 42, "group": 7, "label": [], "active": {}, **values},
            {"name": "bare", **values},
        ]
        return httpx.Response(200, json={"count": 2, "next": None, "previous": None, "results": listed})

    async with answering(answer) as exist:
        table = await exist.values.history(END, END).table(wide=True)

    assert cells(table) == {"date": [END], "bare": [3], "new": [3]}


async def test_it_tells_which_attributes_could_not_be_read(exist, sandbox):
    track(sandbox, 1, 1)
    history = exist.values.history(END, END, attributes=["thing_000", "gone"])

    await history.table()

    assert history.inaccessible == ("gone",)


async def test_a_table_is_read_by_the_plan_that_was_made_before(exist, sandbox):
    track(sandbox, 3, 3)
    history = exist.values.history(back(3), END)
    await history.plan()

    await history.table()

    assert asked(sandbox, WITH_VALUES) == 1


async def test_wide_is_a_boolean(exist):
    with pytest.raises(ConfigurationError, match="wide must be True or False, not 'steps'"):
        await exist.values.history(END, END).table(wide="steps")


async def test_without_any_package_of_arro3_the_error_is_the_same(exist, monkeypatch):
    monkeypatch.delitem(sys.modules, "arro3.core", raising=False)
    monkeypatch.setitem(sys.modules, "arro3", None)  # as if it were not there

    with pytest.raises(ConfigurationError, match=r'needs the package arro3-core: pip install "exist-async\[tables\]"'):
        await exist.values.history(END, END).table()


async def test_without_the_package_nothing_is_requested_and_the_error_tells_what_to_install(
    exist, sandbox, monkeypatch
):
    monkeypatch.setattr("exist_async.tables.table.find_spec", lambda name: None)

    with pytest.raises(ConfigurationError, match=r'table\(\) needs the package arro3-core: .* "exist-async\[tables\]"'):
        await exist.values.history(END, END).table()
    assert sandbox.requests == []
