"""The command `demo`."""

import time
from collections.abc import Awaitable, Callable, Sequence
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any

from attrs import frozen
from rich.console import Console
from rich.syntax import Syntax

from exist_async.attributes import Attribute, AttributeTemplate, ByName, ByTemplate, CustomAttribute, ValueType
from exist_async.cli.extras import require_packages
from exist_async.cli.outcome_tables import print_outcomes
from exist_async.cli.output import plain_table, stdout_console
from exist_async.cli.progress import OnOutcome, progress_bar
from exist_async.client import ExistClient
from exist_async.outcomes import BatchResult

if TYPE_CHECKING:
    from exist_async.sandbox import Sandbox

_LATENCY = 0.1  # seconds a request
_HABITS = [CustomAttribute(f"Habit {n:03}", "custom", ValueType.BOOLEAN, manual=False) for n in range(1, 321)]
# Typical mistakes, to show how they are reported.
_UNKNOWN_TEMPLATES = ("step", "moods", "coffee", "sleep_hours", "heart_rate")
_UNKNOWN_NAMES = ("habit_000", "habit_321", "habbit_007")


async def demo() -> int:
    """Demonstrate the client on an in-memory sandbox.

    Returns:
        The exit code: 0 if every item of every write has an outcome, else 1.
    """
    require_packages("all", "starlette", "uvicorn", "jinja2", "python_multipart", feature="the demo")
    from exist_async.sandbox import Sandbox

    sandbox = Sandbox(latency=_LATENCY)
    async with sandbox.serve() as url, ExistClient(sandbox.token, base_url=url) as exist:
        console = stdout_console()
        console.print(
            f"A sandbox of Exist is served at {url}, in memory. All requests below go there over HTTP, and each takes "
            f"{_LATENCY * 1000:.0f} ms."
        )
        return await _Demo(console, sandbox, exist).run()


@frozen
class _MeasuredWrite:
    """A write, with its outcomes and its cost.

    Attributes:
        result: The outcomes.
        requests: Number of requests sent.
        seconds: Wall time.
    """

    result: BatchResult[Any, Any]
    requests: int
    seconds: float


class _Demo:
    """Runs the steps of the demo, and counts items and outcomes.

    Args:
        console: Console to print on.
        sandbox: The sandbox, which counts the requests.
        exist: Client of the sandbox.
    """

    def __init__(self, console: Console, sandbox: "Sandbox", exist: ExistClient) -> None:
        self._console = console
        self._sandbox = sandbox
        self._exist = exist
        self._step_number = 0
        self._item_count = 0
        self._outcome_count = 0

    async def run(self) -> int:
        """Run all steps, and return the exit code."""
        templates = await self._list_templates()
        created = await self._create_attributes()
        wanted: list[ByTemplate | ByName] = [
            *(ByTemplate(template.name, manual=False) for template in templates),
            *(ByTemplate(name, manual=False) for name in _UNKNOWN_TEMPLATES),
            *(ByName(attribute.name) for attribute in created),
            *(ByName(name) for name in _UNKNOWN_NAMES),
        ]
        concurrent = await self._acquire(wanted)
        sequential = await self._acquire_sequentially(wanted)
        await self._release(await self._list_owned())
        self._print_summary(concurrent, sequential)
        return 0 if self._outcome_count == self._item_count else 1

    async def _list_templates(self) -> list[AttributeTemplate]:
        self._print_step(
            "List the templates",
            "templates = await exist.attributes.templates(include_low_priority=True).collect()",
        )
        templates = await self._exist.attributes.templates(include_low_priority=True).collect()
        self._print_fact(f"{len(templates)} templates, from {templates[0].label} to {templates[-1].label}")
        return templates

    async def _create_attributes(self) -> list[Attribute]:
        self._print_step(
            "Create custom attributes",
            """\
            habits = [CustomAttribute(f"Habit {n:03}", "custom", ValueType.BOOLEAN, manual=False)
                      for n in range(1, 321)]
            await exist.attributes.create(habits)  # any number, sent 35 a request""",
        )
        measured = await self._write(
            _HABITS, lambda on_outcome: self._exist.attributes.create(_HABITS, on_outcome=on_outcome)
        )
        self._print_write(measured, "created")
        return measured.result.succeeded

    async def _acquire(self, wanted: Sequence[ByTemplate | ByName]) -> _MeasuredWrite:
        self._print_step(
            "Acquire all of them, with a few wrong names",
            """\
            wanted = [ByTemplate("steps", manual=False), ..., ByName("habit_001"), ...]
            result = await exist.attributes.acquire(wanted)
            for outcome in result.refused:
                print(outcome.item, outcome.error_code, outcome.error)""",
        )
        measured = await self._write(
            wanted, lambda on_outcome: self._exist.attributes.acquire(wanted, on_outcome=on_outcome)
        )
        self._print_write(measured, "acquired")
        return measured

    async def _acquire_sequentially(self, wanted: Sequence[ByTemplate | ByName]) -> _MeasuredWrite:
        self._print_step(
            "The same again, one request at a time, for comparison",
            """\
            sequential = exist.with_options(concurrency=1)  # a view on the same connections
            await sequential.attributes.acquire(wanted)  # acquiring twice changes nothing""",
        )
        one_at_a_time = self._exist.with_options(concurrency=1)
        measured = await self._write(
            wanted, lambda on_outcome: one_at_a_time.attributes.acquire(wanted, on_outcome=on_outcome)
        )
        self._print_write(measured, "acquired", list_items=False)
        return measured

    async def _list_owned(self) -> list[Attribute]:
        self._print_step(
            "List the attributes that you own, page by page",
            """\
            async for page in exist.attributes.owned(include_low_priority=True).pages():
                print(page.number, len(page.results), page.count)""",
        )
        owned: list[Attribute] = []
        async for page in self._exist.attributes.owned(include_low_priority=True).pages():
            owned += page.results
            first, last = page.results[0].name, page.results[-1].name
            self._print_fact(f"page {page.number}: {len(page.results)} of {page.count}, {first} to {last}")
        return owned

    async def _release(self, owned: Sequence[Attribute]) -> None:
        self._print_step(
            "Release them, so that other services may write them",
            "await exist.attributes.release(owned)  # names or attributes",
        )
        measured = await self._write(
            owned, lambda on_outcome: self._exist.attributes.release(owned, on_outcome=on_outcome)
        )
        self._print_write(measured, "released")

    async def _write(
        self, items: Sequence[object], write: Callable[[OnOutcome], Awaitable[BatchResult[Any, Any]]]
    ) -> _MeasuredWrite:
        requests_before = len(self._sandbox.requests)
        started = time.perf_counter()
        with progress_bar("Waiting", len(items)) as on_outcome:
            result = await write(on_outcome)
        seconds = time.perf_counter() - started
        self._item_count += len(items)
        self._outcome_count += len({outcome.index for outcome in result})
        return _MeasuredWrite(result, len(self._sandbox.requests) - requests_before, seconds)

    def _print_summary(self, concurrent: _MeasuredWrite, sequential: _MeasuredWrite) -> None:
        count = len(concurrent.result)
        summary = plain_table("Summary", "")
        summary.columns[1].justify = "right"
        summary.add_row("requests", str(len(self._sandbox.requests)))
        summary.add_row(f"wall time of acquiring {count} items", f"{concurrent.seconds:.2f} s")
        summary.add_row("the same, one request at a time", f"{sequential.seconds:.2f} s")
        summary.add_row("speedup", f"{sequential.seconds / concurrent.seconds:.1f}")
        summary.add_row("refused items, each with a reason", str(len(concurrent.result.refused)))
        everything = "all " if self._outcome_count == self._item_count else ""
        summary.add_row("items with an outcome", f"{everything}{self._outcome_count} of {self._item_count}")
        self._console.print("", summary)

    def _print_step(self, title: str, code: str) -> None:
        self._step_number += 1
        self._console.print(f"\n{self._step_number}. {title}\n", style="bold")
        code = indent(dedent(code), "   ")
        self._console.print(Syntax(code, "python", theme="ansi_dark", background_color="default").highlight(code))

    def _print_write(self, measured: _MeasuredWrite, success_label: str, *, list_items: bool = True) -> None:
        self._print_fact(f"{len(measured.result)} items in {measured.requests} requests, {measured.seconds:.2f} s")
        self._console.print()
        print_outcomes(self._console, measured.result, success_label=success_label, listed=None if list_items else ())

    def _print_fact(self, text: str) -> None:
        self._console.print(f"   {text}", style="cyan")
