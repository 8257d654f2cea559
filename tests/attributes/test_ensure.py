"""Owning attributes, whichever it takes: nothing, acquiring or creating."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import evolve

from exist_async import (
    AuthenticationError,
    BatchError,
    ByName,
    ByTemplate,
    ConnectionFailedError,
    CustomAttribute,
    ExistAsyncError,
    ExistClient,
    Outcome,
    OutcomeStatus,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ValueType,
)
from exist_async._http.pool import Pool
from exist_async.sandbox import Sandbox

TEA = CustomAttribute("Cups of tea", "food", ValueType.INTEGER, manual=False)


def posts(sandbox: Sandbox) -> list[str]:
    return [request.path.removeprefix("/api/2/attributes/") for request in sandbox.requests if request.method == "POST"]


async def test_what_is_lacking_is_acquired_or_created(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="my_tag")

    result = await exist.attributes.ensure(["steps", TEA, ByName("my_tag")])

    assert result.ok
    assert [attribute.name for attribute in result.succeeded] == ["steps", "cups_of_tea", "my_tag"]
    assert {attribute.service.name for attribute in result.succeeded if attribute.service} == {"my_client"}


async def test_doing_it_again_asks_once_and_writes_nothing(exist: ExistClient, sandbox: Sandbox) -> None:
    items = ["steps", TEA, ByTemplate("mood")]
    first = await exist.attributes.ensure(items)
    sandbox.reset_requests()

    second = await exist.attributes.ensure(items)

    assert [request.path for request in sandbox.requests] == ["/api/2/attributes/owned/"]
    assert second.succeeded == first.succeeded


async def test_what_is_owned_and_hidden_is_left_alone(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="hidden", label="Hidden", service=sandbox.service, priority=12)

    result = await exist.attributes.ensure([ByName("hidden"), CustomAttribute("hidden", "custom", 7)])

    assert result.ok
    assert posts(sandbox) == []


OWNED = [ByTemplate("mood"), ByName("mood"), CustomAttribute("Mood", "mood", ValueType.SCALE)]


@pytest.mark.parametrize("item", OWNED)
async def test_what_is_owned_and_inactive_is_acquired_again(exist: ExistClient, sandbox: Sandbox, item: Any) -> None:
    sandbox.add_attribute(template="mood", service=sandbox.service, active=False, manual=False)

    result = await exist.attributes.ensure([item])

    assert posts(sandbox) == ["acquire/"]
    assert result[0].item == item
    assert [(attribute.active, attribute.manual) for attribute in result.succeeded] == [(True, False)]
    assert [attribute.name async for attribute in exist.attributes.owned()] == ["mood"]


@pytest.mark.parametrize("item", OWNED)
@pytest.mark.parametrize("manual", [True, False])
async def test_what_is_owned_with_another_manual_is_acquired_again(
    exist: ExistClient, sandbox: Sandbox, item: Any, manual: bool
) -> None:
    sandbox.add_attribute(template="mood", service=sandbox.service, manual=not manual)
    items = [evolve(item, manual=manual)]

    result = await exist.attributes.ensure(items)
    again = await exist.attributes.ensure(items)

    assert [attribute.manual for attribute in result.succeeded] == [manual]
    assert posts(sandbox) == ["acquire/"]
    assert again.succeeded == result.succeeded


@pytest.mark.parametrize("manual", [True, False])
async def test_of_two_items_for_one_owned_attribute_the_later_decides(
    exist: ExistClient, sandbox: Sandbox, manual: bool
) -> None:
    attribute = sandbox.add_attribute(template="mood", service=sandbox.service, manual=manual)

    result = await exist.attributes.ensure([ByTemplate("mood", manual=not manual), ByName("mood", manual=manual)])

    assert [attribute.manual for attribute in result.succeeded] == [not manual, manual]
    assert attribute.manual is manual


async def test_a_name_after_the_label_of_the_same_owned_attribute_decides(exist: ExistClient, sandbox: Sandbox) -> None:
    attribute = sandbox.add_attribute(
        name="tea", label=TEA.label, group="food", value_type=TEA.value_type, service=sandbox.service, manual=False
    )

    await exist.attributes.ensure([evolve(TEA, manual=True), ByName("tea", manual=False)])

    assert attribute.manual is False


@pytest.mark.parametrize("code", ["validation", "already_exists", None])
async def test_a_refused_creation_is_looked_up_by_its_label_whatever_the_code(
    exist: ExistClient, sandbox: Sandbox, code: str | None
) -> None:
    sandbox.add_attribute(name="tea_of_old", label="Cups of tea", group="food", value_type=0)

    def recode(reply: Any) -> Any:
        return {"failed": [{"label": entry["label"], "error_code": code} for entry in reply["failed"]]}

    sandbox.rewrite_next(recode, path="attributes/create/")
    told: list[Outcome[Any, Any]] = []

    result = await exist.attributes.ensure([TEA], on_outcome=told.append)

    assert [attribute.name for attribute in result.succeeded] == ["tea_of_old"]
    assert told == list(result)
    assert [request.path for request in sandbox.requests].count("/api/2/attributes/") == 1


async def test_a_creation_refused_with_its_whole_request_is_looked_up_too(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="tea_of_old", label="Cups of tea", group="food", value_type=0)
    sandbox.fail_next(status=409, path="attributes/create/")

    result = await exist.attributes.ensure([TEA])

    assert [attribute.name for attribute in result.succeeded] == ["tea_of_old"]


async def test_what_was_created_without_an_answer_is_found(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.fail_next(3, status=503, when="after", path="attributes/create/")

    result = await exist.attributes.ensure([TEA])

    assert [attribute.name for attribute in result.succeeded] == ["cups_of_tea"]


async def test_a_refusal_that_could_not_be_looked_up_keeps_its_reason(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.fail_next(status=400, path="/api/2/attributes/")

    with pytest.raises(ExistAsyncError) as caught:
        await exist.attributes.ensure([CustomAttribute("Tea", "no_such_group", 7)])

    assert caught.value.result is not None
    assert [outcome.status for outcome in caught.value.result] == ["not_sent"]
    assert "group" in (caught.value.result[0].error or "")


async def test_a_creation_that_the_token_does_not_allow_is_refused(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.fail_next(status=403, path="attributes/create/")

    with pytest.raises(PermissionDeniedError) as caught:
        await exist.attributes.ensure([TEA])

    assert caught.value.result is not None
    assert [outcome.status for outcome in caught.value.result] == ["refused"]
    assert "/api/2/attributes/" not in [request.path for request in sandbox.requests]


SPELLINGS = [
    ("Café", "Cafe\u0301"),
    ("Übung", "U\u0308BUNG"),
    ("\u30d1\u30f3", "\u30cf\u309a\u30f3"),
    ("☕ Tea", "☕\ufe0f Tea"),
    ("葛", "葛\U000e0100"),
    ("Tea", "\u200eTea\u200f"),
    ("Tea", "\u202btea\u202c"),
    ("Tea", "\u2068Tea\u2069"),
    ("Tea", "\ufeffTea"),
    ("Tea", "T\u034fe\u2063a"),
    ("\u1820\u1837", "\u1820\u180b\u1837"),
    ("Straße", "STRASSE"),
    ("Two words", "two\u00a0 words"),
]


@pytest.mark.parametrize(("spelling", "other"), [*SPELLINGS, *((other, spelling) for spelling, other in SPELLINGS)])
@pytest.mark.parametrize("together", [True, False])
async def test_labels_that_look_the_same_are_one_attribute(
    exist: ExistClient, sandbox: Sandbox, spelling: str, other: str, together: bool
) -> None:
    items = [CustomAttribute(label, "custom", ValueType.BOOLEAN) for label in (spelling, other)]
    calls = [items] if together else [[item] for item in items]

    results = [await exist.attributes.ensure(call) for call in calls]

    assert len({attribute.name for result in results for attribute in result.succeeded}) == 1
    assert [outcome.item for result in results for outcome in result] == items
    assert await exist.attributes.owned().count() == 1


@pytest.mark.parametrize(
    ("label", "other"),
    [
        ("👩\u200d👧", "👩👧"),  # a family of two, and two people
        ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", "🏴"),  # the flag of Scotland
        (
            "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc",
            "\u0646\u0627\u0645\u0647\u0627\u06cc",
        ),  # Persian, whose joiners change the shape of letters
        ("Cafe", "Café"),
    ],
)
async def test_labels_that_look_different_are_two_attributes(exist: ExistClient, label: str, other: str) -> None:
    result = await exist.attributes.ensure([CustomAttribute(text, "custom", 7) for text in (label, other)])

    assert len({attribute.name for attribute in result.succeeded}) == 2


async def test_a_decomposed_label_is_sent_composed(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="cafe", label="Caf\u00e9")

    result = await exist.attributes.ensure([CustomAttribute("Cafe\u0301", "custom", ValueType.BOOLEAN)])

    assert [attribute.name for attribute in result.succeeded] == ["cafe"]


async def test_of_two_attributes_that_look_the_same_that_with_the_given_spelling_is_taken(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    for name, label in (("tea", "Tea"), ("tea_2", "tea")):
        sandbox.add_attribute(name=name, label=label, service=sandbox.service)

    result = await exist.attributes.ensure([CustomAttribute(label, "custom", 7) for label in ("tea", "Tea", "TEA")])

    assert [attribute.name for attribute in result.succeeded] == ["tea_2", "tea", "tea"]


async def test_an_attribute_of_the_same_label_that_is_not_ours_is_acquired_by_its_name(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(name="tea_of_old", label="Cups of tea", group="food", value_type=0, active=False)

    result = await exist.attributes.ensure([TEA])

    assert result[0].item is TEA
    assert result.succeeded[0].name == "tea_of_old"
    assert result.succeeded[0].manual is False
    assert posts(sandbox) == ["create/", "acquire/"]


@pytest.mark.parametrize("ours", [True, False])
async def test_an_attribute_of_the_same_label_and_another_type_is_refused(
    exist: ExistClient, sandbox: Sandbox, ours: bool
) -> None:
    service = sandbox.service if ours else None
    sandbox.add_attribute(name="tea", label="Cups of tea", group="food", value_type=2, service=service)

    result = await exist.attributes.ensure([TEA])

    assert (result[0].status, result[0].error_code) == ("refused", "exists")
    assert result[0].error is not None
    assert "STRING" in result[0].error


async def test_a_refusal_stays_one(exist: ExistClient) -> None:
    result = await exist.attributes.ensure(["stepz", CustomAttribute("Tea", "no_such_group", 7)])

    assert [outcome.status for outcome in result] == ["refused", "refused"]


async def test_the_same_custom_attribute_twice_is_one_attribute(exist: ExistClient) -> None:
    result = await exist.attributes.ensure([TEA, TEA])

    assert result.ok
    assert result.succeeded[0].name == result.succeeded[1].name


async def test_hundreds_of_all_kinds_keep_their_places(exist: ExistClient, sandbox: Sandbox) -> None:
    templates = [template.name async for template in exist.attributes.templates()]
    for n in range(0, 100, 2):
        sandbox.add_attribute(name=f"tag_{n}", label=f"Tag {n}", service=sandbox.service if n % 4 else None)
    items: list[Any] = [*templates, *(CustomAttribute(f"Tag {n}", "custom", 7) for n in range(100)), ByName("tag_2")]

    async def stream() -> AsyncIterator[Any]:
        for item in items:
            yield item

    told: list[Outcome[Any, Any]] = []
    result = await exist.attributes.ensure(stream(), on_outcome=told.append)

    assert result.ok
    assert [outcome.item for outcome in result] == [
        ByTemplate(item) if isinstance(item, str) else item for item in items
    ]
    assert [outcome.value.name for outcome in result if outcome.value][-101:-1] == [f"tag_{n}" for n in range(100)]
    assert sorted(told, key=lambda outcome: outcome.index) == list(result)
    assert max(sandbox.batch_sizes) <= 35


async def test_nothing_to_ensure_asks_nothing(exist: ExistClient, sandbox: Sandbox) -> None:
    assert (await exist.attributes.ensure([])).ok
    assert sandbox.requests == []


async def test_when_the_owned_ones_cannot_be_listed_nothing_was_sent(exist: ExistClient, sandbox: Sandbox) -> None:
    with pytest.raises(AuthenticationError) as caught:
        await exist.with_options(auth="wrong").attributes.ensure(["steps", TEA])

    assert caught.value.result is not None
    assert [outcome.status for outcome in caught.value.result] == [OutcomeStatus.NOT_SENT] * 2
    assert posts(sandbox) == []


async def test_a_budget_spent_on_the_way_leaves_the_rest_unsent(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.rate_limit = 2

    with pytest.raises(BatchError) as caught:
        await exist.attributes.ensure(["steps", TEA, TEA])

    assert caught.value.result is not None
    assert [outcome.status for outcome in caught.value.result] == ["succeeded", "not_sent", "not_sent"]
    assert isinstance(caught.value.errors[0], RateLimitError)


async def test_a_listing_that_fails_on_the_way_leaves_what_exists_undone(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="tea", label="Cups of tea", value_type=0)
    sandbox.fail_next(3, drop=True, path="/api/2/attributes/")

    with pytest.raises(BatchError) as caught:
        await exist.attributes.ensure(["steps", TEA])

    assert caught.value.result is not None
    assert [outcome.status for outcome in caught.value.result] == ["succeeded", "not_sent"]
    assert not isinstance(caught.value.errors[0], ConnectionFailedError)


async def test_a_callback_that_breaks_loses_no_outcome(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps", service=sandbox.service)

    def broken(outcome: Outcome[Any, Any]) -> None:
        raise LookupError("no such progress bar")

    for items in [["steps", "mood"], ["mood", TEA]]:
        with pytest.raises(BatchError, match="no such progress bar") as caught:
            await exist.attributes.ensure(items, on_outcome=broken)
        assert caught.value.result is not None
        assert [outcome.status for outcome in caught.value.result] == ["succeeded", "not_sent"]


async def test_a_stream_that_breaks_sends_nothing_and_keeps_what_was_read(exist: ExistClient, sandbox: Sandbox) -> None:
    async def broken() -> AsyncIterator[str]:
        yield "steps"
        raise OSError("the file is gone")

    with pytest.raises(BatchError, match="the file is gone") as caught:
        await exist.attributes.ensure(broken())

    assert caught.value.result is not None
    assert [outcome.status for outcome in caught.value.result] == ["not_sent"]
    assert sandbox.requests == []


async def test_of_two_attributes_with_one_label_that_of_the_right_type_is_taken(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(name="tea", label="Cups of tea", value_type=0, service=sandbox.service)
    sandbox.add_attribute(name="tea_2", label="cups of TEA", value_type=2, service=sandbox.service)

    result = await exist.attributes.ensure([TEA])

    assert [attribute.name for attribute in result.succeeded] == ["tea"]


async def test_what_was_not_sent_is_told_too(exist: ExistClient) -> None:
    told: list[Outcome[Any, Any]] = []

    with pytest.raises(AuthenticationError) as caught:
        await exist.with_options(auth="wrong-token").attributes.ensure(["steps", TEA], on_outcome=told.append)

    assert caught.value.result is not None
    assert told == list(caught.value.result)


async def test_a_callback_that_broke_is_not_called_again(exist: ExistClient) -> None:
    calls: list[int] = []

    def broken(outcome: Outcome[Any, Any]) -> None:
        calls.append(outcome.index)
        raise KeyError(outcome.index)

    with pytest.raises(BatchError) as caught:
        await exist.attributes.ensure([TEA, "steps", "mood"], on_outcome=broken)

    assert calls == [1]
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.args == (1,)


async def test_a_listing_that_is_cancelled_from_inside_loses_no_outcome(
    exist: ExistClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.add_attribute(name="tea", label="Cups of tea", value_type=0)
    send = Pool.send

    async def cancel(pool: Pool, call: Any, *rest: Any) -> Any:
        if call.path == "/api/2/attributes/":
            raise asyncio.CancelledError
        return await send(pool, call, *rest)

    monkeypatch.setattr(Pool, "send", cancel)

    with pytest.raises(BatchError, match="cancelled from inside") as caught:
        await exist.attributes.ensure(["steps", TEA])

    assert caught.value.result is not None
    assert [outcome.status for outcome in caught.value.result] == ["succeeded", "not_sent"]


@pytest.mark.parametrize("then", ["the listing", "the acquisition"])
async def test_what_may_have_been_created_is_never_said_to_be_undone(
    exist: ExistClient, sandbox: Sandbox, then: str
) -> None:
    sandbox.fail_next(status=503, when="after", path="attributes/create/")
    if then == "the listing":
        sandbox.fail_next(status=400, path="/api/2/attributes/")
    else:
        sandbox.fail_next(status=429, headers={"Retry-After": "600"}, path="attributes/acquire/")

    told: list[Outcome[Any, Any]] = []
    with pytest.raises(ExistAsyncError) as caught:
        await exist.attributes.ensure([TEA], on_outcome=told.append)

    assert caught.value.result is not None
    assert [(outcome.status, outcome.error_code) for outcome in caught.value.result] == [("unknown", "exists")]
    assert told == list(caught.value.result)


@pytest.mark.parametrize("found", ["nothing", "another type"])
async def test_what_may_have_been_created_and_is_not_found_is_told_once(
    exist: ExistClient, sandbox: Sandbox, found: str
) -> None:
    sandbox.fail_next(status=503, when="after", path="attributes/create/")

    def rewrite(page: Any) -> Any:
        results = [{**entry, "value_type": 2} for entry in page["results"]]
        return {**page, "results": results if found == "another type" else []}

    sandbox.rewrite_next(rewrite, path="/api/2/attributes/")
    told: list[Outcome[Any, Any]] = []

    with pytest.raises(OutcomeUnknownError) as caught:
        await exist.attributes.ensure([TEA], on_outcome=told.append)

    assert caught.value.result is not None
    assert told == list(caught.value.result)
    assert [outcome.status for outcome in told] == ["unknown"]


async def test_what_was_done_before_a_cancellation_is_logged(
    exist: ExistClient, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    creating = asyncio.Event()
    send = Pool.send

    async def hold(pool: Pool, call: Any, *rest: Any) -> Any:
        if call.path.endswith("create/"):
            creating.set()
            await asyncio.sleep(0.01)
        return await send(pool, call, *rest)

    monkeypatch.setattr(Pool, "send", hold)
    with caplog.at_level(logging.INFO, "exist_async"):
        ensuring = asyncio.create_task(exist.attributes.ensure(["steps", TEA]))
        await creating.wait()
        ensuring.cancel()
        await asyncio.wait([ensuring])

    assert "ensure() was cancelled. Its known outcomes: 1 items: 1 succeeded" in caplog.text


@pytest.mark.parametrize("is_answered", [True, False])
async def test_of_what_exists_already_only_what_may_have_been_created_is_told_after_a_cancellation(
    exist: ExistClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, is_answered: bool
) -> None:
    if is_answered:
        sandbox.add_attribute(name="tea", label="Cups of tea", value_type=0)
    else:
        sandbox.fail_next(status=503, when="after", path="attributes/create/")
    listing, send = asyncio.Event(), Pool.send
    told: list[Outcome[Any, Any]] = []

    async def hold(pool: Pool, call: Any, *rest: Any) -> Any:
        if call.path == "/api/2/attributes/":
            listing.set()
            await asyncio.Event().wait()
        return await send(pool, call, *rest)

    monkeypatch.setattr(Pool, "send", hold)
    ensuring = asyncio.create_task(exist.attributes.ensure([TEA], on_outcome=told.append))
    await listing.wait()
    ensuring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ensuring

    assert [(outcome.item, outcome.status, outcome.error_code) for outcome in told] == (
        [] if is_answered else [(TEA, "unknown", "exists")]
    )
