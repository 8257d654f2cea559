"""Types as mypy and pyright infer them; both check this file, and it runs, too."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, assert_type

from exist_async import (
    Attribute,
    AttributeEcho,
    AttributeTemplate,
    AttributeWithValues,
    Average,
    BatchResult,
    ByName,
    ByTemplate,
    Correlation,
    CustomAttribute,
    DayValue,
    ExistClient,
    Insight,
    Journal,
    Outcome,
    Page,
    Paginator,
    ValueEcho,
    ValueIncrement,
    ValueType,
    ValueUpdate,
    WriteSummary,
)

DAY = dt.date(2026, 11, 20)


async def test_answers_are_whole_attributes_or_echoes(exist: ExistClient) -> None:
    flag = bool(exist)
    assert_type(await exist.attributes.acquire([]), BatchResult[ByTemplate | ByName, Attribute])
    assert_type(
        await exist.attributes.acquire([], success_objects=False), BatchResult[ByTemplate | ByName, AttributeEcho]
    )
    assert_type(
        await exist.attributes.acquire([], success_objects=flag),
        BatchResult[ByTemplate | ByName, Attribute | AttributeEcho],
    )
    assert_type(await exist.attributes.create([]), BatchResult[ByTemplate | CustomAttribute, Attribute])
    assert_type(await exist.attributes.release([]), BatchResult[ByName, AttributeEcho])
    assert_type(await exist.attributes.ensure([]), BatchResult[ByTemplate | ByName | CustomAttribute, Attribute])


async def test_every_kind_of_iterable_is_taken(exist: ExistClient) -> None:
    async def stream() -> AsyncIterator[ByName]:
        yield ByName("mood")

    await exist.attributes.acquire(["mood", ByName("mood"), ByTemplate("mood", manual=False)])
    await exist.attributes.acquire(name for name in ("mood", "steps"))
    await exist.attributes.acquire({"mood"})
    await exist.attributes.acquire(stream())
    await exist.attributes.create(
        [CustomAttribute("Tea", "custom", ValueType.BOOLEAN), CustomAttribute("Milk", "food", 0)]
    )


async def test_an_outcome_knows_its_item_and_its_value(exist: ExistClient) -> None:
    result = await exist.attributes.acquire(["mood"])

    assert_type(result[0], Outcome[ByTemplate | ByName, Attribute])
    assert_type(result[0].item, ByTemplate | ByName)
    assert_type(result[0].value, Attribute | None)
    assert_type(result.succeeded, list[Attribute])
    assert_type(result[:1], tuple[Outcome[ByTemplate | ByName, Attribute], ...])


async def test_a_result_can_stand_for_one_of_a_wider_type(exist: ExistClient) -> None:
    wider: BatchResult[object, Attribute | AttributeEcho] = await exist.attributes.acquire(["mood"])
    page: Page[object] = Page[Attribute]((), None, 1)

    assert wider.ok
    assert page.number == 1


async def test_a_listing_knows_what_it_lists(exist: ExistClient) -> None:
    assert_type(exist.attributes.list(), Paginator[Attribute])
    assert_type(exist.attributes.templates(), Paginator[AttributeTemplate])
    async for attribute in exist.attributes.owned():
        assert_type(attribute, Attribute)
    assert_type(await exist.attributes.owned().collect(), list[Attribute])
    assert_type(await exist.attributes.owned().first(), Attribute | None)


async def test_writes_of_values_know_what_they_were_given(exist: ExistClient) -> None:
    updated = await exist.values.update([ValueUpdate("mood", DAY, 7), ValueUpdate("mood", DAY, "fine")])
    incremented = await exist.values.increment(ValueIncrement("coffees", n) for n in range(2))

    assert_type(updated, BatchResult[ValueUpdate, ValueEcho])
    assert_type(incremented, BatchResult[ValueIncrement, ValueEcho])
    assert_type(updated[0].item.date, dt.date)
    assert_type(incremented[0].item.date, dt.date | None)


async def test_a_write_that_keeps_no_outcomes_has_a_summary(exist: ExistClient) -> None:
    flag = bool(exist)
    none = list[ValueUpdate]()

    assert_type(await exist.values.update(none, keep_outcomes=True), BatchResult[ValueUpdate, ValueEcho])
    summary = await exist.values.update(none, keep_outcomes=False)
    assert_type(summary, WriteSummary[ValueUpdate, ValueEcho])
    assert_type(summary.failed, tuple[Outcome[ValueUpdate, ValueEcho], ...])
    assert_type(summary.raise_for_failures(), WriteSummary[ValueUpdate, ValueEcho])
    assert_type(
        await exist.values.sync(none, keep_outcomes=flag),
        BatchResult[ValueUpdate, ValueEcho] | WriteSummary[ValueUpdate, ValueEcho],
    )
    assert_type(await exist.values.increment([], keep_outcomes=False), WriteSummary[ValueIncrement, ValueEcho])


async def test_a_journal_is_given_as_it_is(exist: ExistClient, tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.db") as journal:
        assert_type(journal, Journal)
        assert_type(
            await exist.attributes.ensure([], journal=journal),
            BatchResult[ByTemplate | ByName | CustomAttribute, Attribute],
        )
        async for outcome in journal.outcomes():
            assert_type(outcome, Outcome[Any, Any])


async def test_what_is_read_of_values_has_its_types(exist: ExistClient) -> None:
    assert_type(exist.values.of("mood"), Paginator[DayValue])
    assert_type(exist.values.recent(), Paginator[AttributeWithValues])
    assert_type(exist.averages.list(), Paginator[Average])
    assert_type(exist.correlations.list(), Paginator[Correlation])
    assert_type(await exist.correlations.between("steps", "mood"), Correlation | None)
    assert_type(exist.insights.list(), Paginator[Insight])
    async for name, day in exist.values.history(DAY, DAY):
        assert_type(name, str)
        assert_type(day, DayValue)
