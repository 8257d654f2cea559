"""The command `demo`."""

import time
from collections.abc import Awaitable, Callable, Sequence
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any

from attrs import frozen
from rich.console import Console
from rich.syntax import Syntax

from exist_async.attributes import Attribute, AttributeTemplate, ByName, ByTemplate, CustomAttribute, ValueType
from exist_async.cli.extras import need
from exist_async.cli.outcomes import show
from exist_async.cli.progress import OnOutcome, progress_bar
from exist_async.cli.tables import screen, table
from exist_async.client import ExistClient
from exist_async.outcomes import BatchResult

if TYPE_CHECKING:
    from exist_async.sandbox import Sandbox

_LATENCY = 0.1
_HABITS = [CustomAttribute(f"Habit {n:03}", "custom", ValueType.BOOLEAN, manual=False) for n in range(1, 321)]
# Wrong on purpose, as such things go wrong.
_NO_TEMPLATES = ("step", "moods", "coffee", "sleep_hours", "heart_rate")
_NO_NAMES = ("habit_000", "habit_321", "habbit_007")


async def demo() -> int:
    """Show what the client does, on a sandbox of its own.

    Returns:
        The exit code: 0 when every item of every write has an outcome, else 1.
    """
    need("all", "starlette", "uvicorn", "jinja2", "python_multipart", what="the demo")
    from exist_async.sandbox import Sandbox

    sandbox = Sandbox(latency=_LATENCY)
    async with sandbox.serve() as url, ExistClient(sandbox.token, base_url=url) as exist:
        out = screen()
        out.print(
            f"An Exist in memory is served at {url}; each request waits {_LATENCY * 1000:.0f} ms there. All that "
            "follows goes to it over HTTP."
        )
        return await _Demo(out, sandbox, exist).run()


@frozen
class _Written:
    """A write that was made: its outcomes, and what it took."""

    result: BatchResult[Any, Any]
    requests: int
    seconds: float


class _Demo:
    """The steps of the demo, and what is counted on the way."""

    def __init__(self, out: Console, sandbox: "Sandbox", exist: ExistClient) -> None:
        self._out = out
        self._sandbox = sandbox
        self._exist = exist
        self._steps = 0
        self._given = 0
        self._with_outcome = 0

    async def run(self) -> int:
        """Go through all steps, and return the exit code."""
        templates = await self._look_up()
        created = await self._create()
        wanted: list[ByTemplate | ByName] = [
            *(ByTemplate(template.name, manual=False) for template in templates),
            *(ByTemplate(name, manual=False) for name in _NO_TEMPLATES),
            *(ByName(attribute.name) for attribute in created),
            *(ByName(name) for name in _NO_NAMES),
        ]
        at_once = await self._acquire(wanted)
        one_by_one = await self._acquire_one_by_one(wanted)
        await self._release(await self._list())
        self._conclude(at_once, one_by_one)
        return 0 if self._with_outcome == self._given else 1

    async def _look_up(self) -> list[AttributeTemplate]:
        self._step(
            "Look up what there is",
            "templates = await exist.attributes.templates(include_low_priority=True).collect()",
        )
        templates = await self._exist.attributes.templates(include_low_priority=True).collect()
        self._say(f"{len(templates)} templates, from {templates[0].label} to {templates[-1].label}")
        return templates

    async def _create(self) -> list[Attribute]:
        self._step(
            "Create attributes of your own",
            """\
            habits = [CustomAttribute(f"Habit {n:03}", "custom", ValueType.BOOLEAN, manual=False)
                      for n in range(1, 321)]
            await exist.attributes.create(habits)  # any number: 35 travel in a request""",
        )
        written = await self._write(_HABITS, lambda note: self._exist.attributes.create(_HABITS, on_outcome=note))
        self._show(written, "created")
        return written.result.succeeded

    async def _acquire(self, wanted: Sequence[ByTemplate | ByName]) -> _Written:
        self._step(
            "Acquire all of it, with some mistakes among it",
            """\
            wanted = [ByTemplate("steps", manual=False), ..., ByName("habit_001"), ...]
            result = await exist.attributes.acquire(wanted)
            for outcome in result.refused:
                print(outcome.item, outcome.error_code, outcome.error)""",
        )
        written = await self._write(wanted, lambda note: self._exist.attributes.acquire(wanted, on_outcome=note))
        self._show(written, "acquired")
        return written

    async def _acquire_one_by_one(self, wanted: Sequence[ByTemplate | ByName]) -> _Written:
        self._step(
            "The same again, one request after another, to compare",
            """\
            patient = exist.with_options(concurrency=1)  # a view on the same connections
            await patient.attributes.acquire(wanted)  # acquiring twice changes nothing""",
        )
        patient = self._exist.with_options(concurrency=1)
        written = await self._write(wanted, lambda note: patient.attributes.acquire(wanted, on_outcome=note))
        self._show(written, "acquired", listed=False)
        return written

    async def _list(self) -> list[Attribute]:
        self._step(
            "List what you own, page after page",
            """\
            async for page in exist.attributes.owned(include_low_priority=True).pages():
                print(page.number, len(page.results), page.count)""",
        )
        owned: list[Attribute] = []
        async for page in self._exist.attributes.owned(include_low_priority=True).pages():
            owned += page.results
            first, last = page.results[0].name, page.results[-1].name
            self._say(f"page {page.number}: {len(page.results)} of {page.count}, {first} to {last}")
        return owned

    async def _release(self, owned: Sequence[Attribute]) -> None:
        self._step(
            "Release it, so that other services may write it",
            "await exist.attributes.release(owned)  # names, or attributes",
        )
        written = await self._write(owned, lambda note: self._exist.attributes.release(owned, on_outcome=note))
        self._show(written, "released")

    async def _write(
        self, items: Sequence[object], write: Callable[[OnOutcome], Awaitable[BatchResult[Any, Any]]]
    ) -> _Written:
        asked = len(self._sandbox.requests)
        started = time.perf_counter()
        with progress_bar("Waiting", len(items)) as note:
            result = await write(note)
        seconds = time.perf_counter() - started
        self._given += len(items)
        self._with_outcome += len({outcome.index for outcome in result})
        return _Written(result, len(self._sandbox.requests) - asked, seconds)

    def _conclude(self, at_once: _Written, one_by_one: _Written) -> None:
        count = len(at_once.result)
        summary = table("Altogether", "")
        summary.columns[1].justify = "right"
        summary.add_row("requests", str(len(self._sandbox.requests)))
        summary.add_row(f"wall time of acquiring {count} items", f"{at_once.seconds:.2f} s")
        summary.add_row("of the same, one request after another", f"{one_by_one.seconds:.2f} s")
        summary.add_row("times as fast", f"{one_by_one.seconds / at_once.seconds:.1f}")
        summary.add_row("refused, each with its reason", str(len(at_once.result.refused)))
        everything = "all " if self._with_outcome == self._given else ""
        summary.add_row("items with an outcome", f"{everything}{self._with_outcome} of {self._given}")
        self._out.print("", summary)

    def _step(self, title: str, code: str) -> None:
        self._steps += 1
        self._out.print(f"\n[bold]{self._steps}. {title}[/bold]\n")
        code = indent(dedent(code), "   ")
        self._out.print(Syntax(code, "python", theme="ansi_dark", background_color="default").highlight(code))

    def _show(self, written: _Written, done: str, *, listed: bool = True) -> None:
        self._say(f"{len(written.result)} items in {written.requests} requests, {written.seconds:.2f} s")
        self._out.print()
        show(self._out, written.result, done=done, listed=listed)

    def _say(self, text: str) -> None:
        self._out.print(f"   {text}", style="cyan")
