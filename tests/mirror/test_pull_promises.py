"""The promises of a report hold, whatever happens to the user's data, the connection and the program meanwhile."""

import datetime as dt
import random
from typing import Any

import pytest
from pulls import Service, ago

from exist_async.mirror import PullProgress, PullReport

DAYS = 200


class StopError(Exception):
    """Interrupts a pull."""


class History:
    """The user's values with the time when each was changed last."""

    def __init__(self, service: Service, choose: random.Random) -> None:
        self.service = service
        self.choose = choose
        self.edited: dict[tuple[str, dt.date], dt.datetime] = {}
        self.count = 0

    def add(self) -> None:
        """Add an attribute, perhaps with an old history."""
        name = f"attribute_{self.count}"
        self.count += 1
        self.service.sandbox.add_attribute(name=name, group="health", value_type=0)
        days = self.choose.choice([0, 3, 40, DAYS])
        self.edit(name, [self.service.today - dt.timedelta(days=day) for day in range(days)])

    def edit(self, name: str, days: list[dt.date]) -> None:
        self.service.sandbox.set_values(name, {day: self.choose.randrange(1000) for day in days})
        self.edited |= dict.fromkeys([(name, day) for day in days], self.service.now)

    def change_something(self) -> None:
        attributes = self.service.sandbox.user.attributes
        attribute = self.choose.choice(attributes)
        match self.choose.randrange(6):
            case 0:
                self.add()
            case 1:
                attribute.active = not attribute.active
            case 2:
                self.service.sandbox.user.timezone = self.choose.choice(["America/Los_Angeles", "Australia/Melbourne"])
            case _:
                day = self.service.today - dt.timedelta(days=self.choose.randrange(DAYS))
                self.edit(attribute.name, [day])
        self.service.sleep(minutes=1)

    async def check(self, report: PullReport, since: dt.date) -> None:
        """Check that the mirror has every value that was changed before what the report promises."""
        stored = await self.service.stored()
        user = self.service.sandbox.user
        for (name, day), edited in self.edited.items():
            assert (name in report.inaccessible) == (not user.attribute(name).active)
            if name in report.inaccessible or not since <= day <= report.until:
                continue
            if edited < report.current_as_of or report.current_from <= day:
                assert stored[name][day] == self.service.sandbox.values(name)[day], (name, day)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_every_edit_from_before_what_a_report_says_is_in_the_mirror(service: Service, seed: int) -> None:
    choose = random.Random(seed)
    history = History(service, choose)
    since = ago(DAYS + 10)
    for _ in range(5):
        history.add()
    finished = 0

    for _ in range(25):
        for _ in range(choose.randrange(4)):
            history.change_something()
        options: dict[str, Any] = {
            "since": since,
            "budget": choose.choice([0, 1, 3]),
            "days": choose.choice([1, 7, 31]),
        }
        end = choose.choice([None, None, 1, 2, 5])
        pages = 0

        def stop(_: PullProgress) -> None:
            nonlocal pages
            pages += 1
            if pages == end:  # noqa: B023  (of this pull)
                raise StopError

        try:
            report = await service.mirror.pull(service.exist, parts=(), on_progress=stop, **options)
        except StopError:
            pass
        else:
            finished += 1
            await history.check(report, since)
        service.sleep(hours=choose.choice([1, 24, 24 * 5]))

    assert finished > 8
    for _ in range(30):  # everything is found in the end
        report = await service.pull(since=since, budget=1)
        service.sleep(hours=1)
    assert report.rereads_in is not None
    assert report.rereads_in <= 30
    await history.check(report, since)
    assert report.current_as_of > max(history.edited.values())
