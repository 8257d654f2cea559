"""Says in a few words what a call did at a fault, so that the table of faults is what was seen.

```python
seen = await observe(client, get)  # str(seen) is "answered at attempt 2", or "NoAnswerError after 3 attempts"
seen = await observe(client, increment, server.applied_count)  # "unknown after 1 attempt, applied 1"

assert cell({"": forever, "once": once}) == row.get  # "NoAnswerError after 3 attempts; once: answered at attempt 2"
```

A call is any function of a client. Attempts are counted where the client tells of them, so that those count that never
reached a server; tests compare them with what the server saw. `applied_count` gives how many items the service has
carried out so far, an item that was carried out twice being two. Of a write, `observe` also checks what has to hold at
every fault: what succeeded was done, what was done succeeded or is unknown, and what was not sent was not done.
"""

import datetime as dt
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import frozen

from exist_async import (
    AttemptEvent,
    BatchResult,
    ExistAsyncError,
    ExistClient,
    OutcomeStatus,
    ValueIncrement,
    ValueUpdate,
)

SECRET = "s3cr3t-t0ken"
DAY = dt.date(2026, 11, 20)

Call = Callable[[ExistClient], Awaitable[Any]]


@frozen
class Seen:
    """The observed end of a call.

    Attributes:
        attempts: How many attempts there were.
        value: What it returned.
        error: What it raised.
        result: Of a write, the outcome of every item.
        applied: How many items the service carried out meanwhile; None where nobody counted.
    """

    attempts: int
    value: Any
    error: ExistAsyncError | None
    result: BatchResult[Any, Any] | None
    applied: int | None

    def __str__(self) -> str:
        """Say it in the words of the table."""
        tried = f"after {self.attempts} attempt{'' if self.attempts == 1 else 's'}"
        if self.result is not None:
            counts = Counter(str(outcome.status.value) for outcome in self.result)
            if set(counts) == {"succeeded"}:
                said = f"answered at attempt {self.attempts}"
            elif len(counts) == 1:
                said = f"{next(iter(counts))} {tried}"
            else:
                said = f"{', '.join(f'{count} {status}' for status, count in counts.items())} {tried}"
        elif self.error is not None:
            said = f"{type(self.error).__name__} {tried}"
        else:
            said = f"answered at attempt {self.attempts}"
        return said if self.applied is None else f"{said}, applied {self.applied}"


async def observe(client: ExistClient, call: Call, applied_count: Callable[[], int] | None = None) -> Seen:
    """Make a call, and say what it did; any error but those of the package's own tree goes through."""
    attempts = 0

    def count(event: object) -> None:
        nonlocal attempts
        attempts += isinstance(event, AttemptEvent)

    applied_before = applied_count() if applied_count is not None else 0
    value: Any = None
    failure: ExistAsyncError | None = None
    try:
        value = await call(client.with_options(on_event=count))
    except ExistAsyncError as error:
        failure = error
    result = value if isinstance(value, BatchResult) else getattr(failure, "result", None)
    applied = applied_count() - applied_before if applied_count is not None else None
    check_no_secret_in(failure)
    if result is not None and applied is not None:
        check_nothing_lost(result, applied, attempts)
    return Seen(attempts, value, failure, result, applied)


def cell(seen: Mapping[str, Seen]) -> str:
    """Return what stands in the table for variants of one fault: one word if all are alike, else each by its name.

    The variant that is named "" is the fault itself, and comes without a name. Variants that are alike share theirs.
    """
    names: dict[str, list[str]] = {}
    for name, one in seen.items():
        names.setdefault(str(one), []).append(name)
    if len(names) == 1:
        return next(iter(names))
    return "; ".join(f"{', '.join(same)}: {words}" if any(same) else words for words, same in names.items())


def check_nothing_lost(result: BatchResult[Any, Any], applied: int, attempts: int) -> None:
    """Check that what a service carried out and what its caller was told can both be true.

    A write that was repeated, which increments never are, may have been carried out at each attempt.
    """
    counts = Counter(outcome.status for outcome in result)
    succeeded, unknown = counts[OutcomeStatus.SUCCEEDED], counts[OutcomeStatus.UNKNOWN]
    is_increment = any(isinstance(outcome.item, ValueIncrement) for outcome in result)
    most = (succeeded + unknown) * (1 if is_increment else attempts)
    assert succeeded <= applied <= most, f"{applied} applied, {succeeded} succeeded, {unknown} unknown"


def check_no_secret_in(error: BaseException | None) -> None:
    """Check that neither an error nor what is behind it shows the token."""
    while error is not None:
        assert SECRET not in f"{error!r} {error}"
        error = error.__cause__ or error.__context__


def quick(url: str, **options: Any) -> ExistClient:
    """Return a client that tries again without waiting. It trusts no certificate, which saves it reading them all."""
    verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    defaults = {"timeout": 10.0, "rate_limiter": None, "verify": verify, "fraction": lambda: 0.0}
    return ExistClient(SECRET, base_url=url, **(defaults | options))


async def get(client: ExistClient) -> Any:
    return await client.profile.get()


async def update(client: ExistClient) -> Any:
    return await client.values.update([ValueUpdate("coffees", DAY, 2)])


async def increment(client: ExistClient) -> Any:
    return await client.values.increment([ValueIncrement("coffees", 1, DAY)])
