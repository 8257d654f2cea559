"""The main job over real HTTP: the service's own template list, and hundreds of attributes."""

import asyncio

import pytest

from exist_async import BatchError, ByName, CustomAttribute, ExistClient, ValueType
from exist_async.sandbox import Sandbox


async def test_hundreds_of_attributes_are_created_acquired_listed_and_released(
    over_http: ExistClient, sandbox: Sandbox
) -> None:
    tags = [CustomAttribute(f"Tag {n}", "custom", ValueType.BOOLEAN, manual=False) for n in range(320)]
    created = (await over_http.attributes.create(tags)).raise_for_failures()
    templates = [template.name async for template in over_http.attributes.templates(include_low_priority=True)]
    wanted = [*templates, *(ByName(attribute.name) for attribute in created.succeeded), "no_such_template"]

    acquired = await over_http.attributes.acquire(wanted)

    assert len(acquired) == 407
    assert [outcome.error_code for outcome in acquired.refused] == ["not_found"]
    everything = over_http.attributes.owned(include_low_priority=True)
    owned = await everything.collect()
    assert len(owned) == await everything.count() == 406
    assert [attribute.name async for attribute in everything] == [attribute.name for attribute in owned]
    assert (await over_http.attributes.release(owned)).ok
    assert await over_http.attributes.owned(include_inactive=True).count() == 0
    assert max(sandbox.batch_sizes) == 35
    assert {request.status for request in sandbox.requests} == {200, 202}


async def test_many_users_share_one_pool(over_http: ExistClient, sandbox: Sandbox) -> None:
    users = [sandbox.add_user(f"user_{n}") for n in range(20)]
    views = [over_http.with_options(auth=sandbox.issue_token(user)) for user in users]

    results = await asyncio.gather(*(view.attributes.acquire(["steps", "mood"]) for view in views))

    assert all(result.ok for result in results)
    assert sorted(request.user or "" for request in sandbox.requests) == sorted(user.username for user in users)


async def test_a_dropped_connection_leaves_only_its_own_request_unknown(
    over_http: ExistClient, sandbox: Sandbox
) -> None:
    sandbox.fail_next(drop=True, skip=1, path="attributes/acquire/")
    tags = [sandbox.add_attribute(name=f"tag_{n}").name for n in range(100)]

    with pytest.raises(BatchError) as caught:
        await over_http.with_options(max_retries=0).attributes.acquire(map(ByName, tags))

    result = caught.value.result
    assert result is not None
    assert len(result) == 100
    assert len(result.unknown) in (30, 35)
    assert len(result.succeeded) == 100 - len(result.unknown)
