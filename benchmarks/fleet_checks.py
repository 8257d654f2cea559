"""Compares what the service, the engine and the journals say at the end of a run of the fleet."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias
from uuid import UUID

from attrs import frozen

from exist_async import Outcome, OutcomeStatus
from exist_async.jobs import SyncJob

Place: TypeAlias = tuple[str, str, str]
"""The user, the name of the attribute and the day of a value."""

_DONE: Final = "succeeded"
_FAILED: Final = ("failed", "aborted", "cancelled")
_SHOWN: Final = 5


@frozen
class Seen:
    """The observations at the end of a run.

    Attributes:
        states: The engine's state of each job, by the job's id.
        journals: The outcomes of each job, in order.
        applied: The number of times that the service carried out the item of a place.
        values: The service's values.
        exceeded: Number of requests that a user's budget did not allow.
    """

    states: Mapping[UUID, str]
    journals: Mapping[UUID, Sequence[Outcome[Any, Any]]]
    applied: Mapping[Place, int]
    values: Mapping[Place, Any]
    exceeded: int


@frozen
class Findings:
    """The result of the comparison.

    Attributes:
        rows: The name of each figure, and the figure.
        problems: The guarantees that were broken, with some of the places.
    """

    rows: Sequence[tuple[str, int]]
    problems: Sequence[str]


def check(jobs: Sequence[SyncJob], seen: Seen) -> Findings:
    """Compare what was seen with what the jobs ask for."""
    states = Counter(seen.states.get(job.id, "missing") for job in jobs)
    failed = sum(states[state] for state in _FAILED)
    updates, increments = (
        [(job, index) for job in jobs if job.kind == kind for index in range(len(job.items))]
        for kind in ("update", "increment")
    )
    statuses = Counter(_recorded(seen, job, index) for job, index in (*updates, *increments))
    times = Counter(min(2, _applied(seen, job, index)) for job, index in increments)
    unwritten = [at for at in updates if seen.values.get(_place(*at)) != at[0].items[at[1]].value]
    repeated = [at for at in updates if _applied(seen, *at) > 1]
    doubled = [at for at in increments if _applied(seen, *at) > 1]
    wrong_sums = [at for at in increments if _sum(seen, *at) != _applied(seen, *at) * at[0].items[at[1]].value]
    unfinished = [at for at in updates if _recorded(seen, *at) != OutcomeStatus.SUCCEEDED]
    missing = [at for at in increments if not _applied(seen, *at) and _recorded(seen, *at) != OutcomeStatus.UNKNOWN]
    untold = [at for at in increments if _recorded(seen, *at) not in (OutcomeStatus.SUCCEEDED, OutcomeStatus.UNKNOWN)]
    lost = len(jobs) - states[_DONE] - failed
    rows = [
        ("jobs done", states[_DONE]),
        ("jobs failed", failed),
        ("jobs lost", lost),
        ("updates", len(updates)),
        ("updates that are not applied", len(unwritten)),
        ("updates applied again after a kill", len(repeated)),
        ("increments", len(increments)),
        ("increments applied once", times[1]),
        ("increments not applied", times[0]),
        ("increments applied twice or more", times[2]),
        *((f"outcomes in the journals: {status}", count) for status, count in sorted(statuses.items())),
        ("requests beyond a user's budget", seen.exceeded),
    ]
    broken: list[tuple[str, Iterable[tuple[SyncJob, int]]]] = [
        ("updates are not applied", unwritten),
        ("increments were applied twice", doubled),
        ("values are not the sum of the increments that were applied", wrong_sums),
        ("updates have another outcome than succeeded in their journal", unfinished),
        ("increments were not applied, and are not unknown in their journal", missing),
        ("increments have neither succeeded nor are unknown in their journal", untold),
    ]
    problems = [_problem(text, list(places)) for text, places in broken if places]
    if failed or lost:
        problems.append(f"{failed} jobs failed, and {lost} were lost")
    if seen.exceeded:
        problems.append(f"{seen.exceeded} requests went beyond a user's budget")
    return Findings(rows, problems)


def _problem(text: str, places: Sequence[tuple[SyncJob, int]]) -> str:
    some = ", ".join(" ".join(_place(*at)) for at in places[:_SHOWN])
    return f"{len(places)} {text}: {some}{' ...' if len(places) > _SHOWN else ''}"


def _place(job: SyncJob, index: int) -> Place:
    item = job.items[index]
    return job.user, item.name, str(item.date)


def _applied(seen: Seen, job: SyncJob, index: int) -> int:
    return seen.applied.get(_place(job, index), 0)


def _sum(seen: Seen, job: SyncJob, index: int) -> Any:
    return seen.values.get(_place(job, index), 0)


def _recorded(seen: Seen, job: SyncJob, index: int) -> str:
    """Return the status of an item in its journal."""
    outcomes = seen.journals.get(job.id, ())
    return str(outcomes[index].status) if index < len(outcomes) else "missing"
