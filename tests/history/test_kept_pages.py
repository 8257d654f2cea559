"""A history that keeps its pages: after an interruption it goes on, and asks for nothing that it has."""

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from histories import END, back, read, track

from exist_async import DayValue, ExistAsyncError, ExistClient
from exist_async.sandbox import Sandbox
from exist_async.values.history import History


class Kept(dict[str, bytes]):
    def put(self, request: str, page: bytes) -> None:
        assert request not in self
        self[request] = page


def keeping(history: History, store: Kept) -> History:
    history.keep_pages(store)
    return history


def answered(sandbox: Sandbox) -> Counter[tuple[str, ...]]:
    """Return how often each request was answered with 200."""
    return Counter(
        (request.path, *map(str, sorted(request.query.items())))
        for request in sandbox.requests
        if request.status == 200
    )


PLANS = pytest.mark.parametrize(
    ("count", "days", "names"),
    [
        pytest.param(130, 70, None, id="by windows"),
        pytest.param(3, 350, None, id="one by one"),
        pytest.param(2, 350, ["thing_001", "thing_000", "no_such_thing"], id="by name"),
        pytest.param(60, 40, [f"thing_{n:03}" for n in range(50)], id="by name in windows"),
    ],
)


@PLANS
async def test_wherever_it_fails_the_next_reading_yields_all_and_asks_for_nothing_again(
    exist: ExistClient, sandbox: Sandbox, count: int, days: int, names: Any
) -> None:
    tracked = track(sandbox, count, days)
    exist = exist.with_options(concurrency=1)
    order = [value async for value in exist.values.history(back(days), END, attributes=names)]
    in_one_go = answered(sandbox)

    for failing in range(in_one_go.total()):
        store = Kept()
        sandbox.reset_requests()
        sandbox.fail_next(99, status=403, skip=failing)
        with pytest.raises(ExistAsyncError):
            await read(keeping(exist.values.history(back(days), END, attributes=names), store))
        sandbox.clear_faults()
        again = keeping(exist.values.history(back(days), END, attributes=names), store)

        assert [value async for value in again] == order
        assert answered(sandbox) == in_one_go, failing
    wanted = tracked if names is None else {name: tracked[name] for name in names if name in tracked}
    assert {name for name, _ in order} == wanted.keys()


@PLANS
async def test_a_whole_one_is_read_again_from_the_store_alone(
    exist: ExistClient, sandbox: Sandbox, count: int, days: int, names: Any
) -> None:
    track(sandbox, count, days)
    store = Kept()
    history = keeping(exist.values.history(back(days), END, attributes=names), store)
    await history.plan()
    first = await read(history)
    sandbox.reset_requests()

    assert await read(keeping(exist.values.history(back(days), END, attributes=names), store)) == first
    # What Exist does not give is asked for again.
    assert {request.status for request in sandbox.requests} <= {404}


@pytest.mark.parametrize("value", [7, 7.0, True, 0.1 + 0.2, 2**70, "", 'é"\n\r\u2028\x00'])
async def test_kept_values_are_the_same_to_the_type(exist: ExistClient, sandbox: Sandbox, value: Any) -> None:
    sandbox.add_attribute(name="thing")

    def with_value(page: Any) -> Any:
        page["results"] = [{"date": END.isoformat(), "value": value}]
        return page

    sandbox.rewrite_next(with_value)
    store = Kept()
    await read(keeping(exist.values.history(END, END, attributes=["thing"]), store))

    (kept,) = (await read(keeping(exist.values.history(END, END, attributes=["thing"]), store)))["thing"]

    assert (kept, type(kept.value)) == (DayValue(END, value), type(value))


async def test_when_the_list_of_attributes_gets_shorter_pages_that_are_read_again_come_from_exist(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    tracked = track(sandbox, 250, 20)
    exist = exist.with_options(concurrency=1)
    store = Kept()
    sandbox.fail_next(99, status=403, skip=1)
    with pytest.raises(ExistAsyncError):
        await read(keeping(exist.values.history(back(20), END), store))
    sandbox.clear_faults()
    assert len(store) == 1
    # The 101st attribute is now the 100th, on the page that was read already.
    sandbox.user.attribute("thing_000").active = False

    history = await read(keeping(exist.values.history(back(20), END), store))

    assert history == tracked


async def test_a_page_that_is_empty_by_mistake_is_not_kept(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 1, 150)
    store = Kept()

    def empty(page: Any) -> Any:
        return {**page, "results": [], "next": page["next"] or "http://localhost/"}

    sandbox.rewrite_next(empty, skip=1)

    for requests in (3, 0):
        sandbox.reset_requests()
        assert await read(keeping(exist.values.history(back(150), END, attributes=["thing_000"]), store)) == tracked
        assert len(sandbox.requests) == requests


async def test_other_days_are_asked_for(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 1, 150)
    store = Kept()
    await read(keeping(exist.values.history(back(150), END), store))

    before = await read(keeping(exist.values.history(back(150), END - dt.timedelta(days=1)), store))

    assert before == {"thing_000": tracked["thing_000"][1:]}
