"""Row 37: a thousand calls at once on a few connections, to a service that does whatever comes to its mind."""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest
from faults.conftest import open_descriptors
from faults.observe import DAY, get, quick
from faults.server import Request, Talk, answer_to, serving, whole
from faults.service_rows import row

from exist_async import ExistAsyncError, ExistClient, Outcome, ValueIncrement, ValueUpdate

pytestmark = pytest.mark.slow

CALLS_AT_ONCE = 1000
CONNECTIONS = 10
SEED = 1

# What may become of a request, and how often.
FATES = {
    "answered": 60,
    "answered late": 8,
    "reset before": 4,
    "reset after": 4,
    "closed after": 4,
    "503 before": 4,
    "503 after": 3,
    "429": 5,
    "400": 2,
    "cut short": 3,
    "a proxy's page": 2,
    "never answered": 1,
}


class Whims:
    """The script of a server that does one thing or another, by the numbers that a seed gives."""

    def __init__(self, seed: int) -> None:
        self.well = False
        self.met = Counter[str]()
        self.most_descriptors = 0
        self._random = random.Random(seed)

    async def __call__(self, talk: Talk) -> None:
        while True:
            request = await talk.request()
            self.most_descriptors = max(self.most_descriptors, open_descriptors())
            fate = "answered" if self.well else self._random.choices([*FATES], [*FATES.values()])[0]
            self.met[fate] += 1
            if fate not in ("reset before", "503 before", "429", "400"):
                talk.apply(request)
            if not await self._go_on(fate, talk, request):
                return

    async def _go_on(self, fate: str, talk: Talk, request: Request) -> bool:
        """Answer, and say whether the connection lives on."""
        answer = whole(answer_to(request))
        match fate:
            case "answered late":
                await asyncio.sleep(self._random.random() / 50)
            case "reset before" | "reset after":
                talk.reset()
                return False
            case "closed after":
                return False
            case "503 before" | "503 after":
                answer = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
            case "429":
                answer = b"HTTP/1.1 429 No\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
            case "400":
                answer = b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"
            case "a proxy's page":
                answer = whole(b"<html>", b"Content-Type: text/html\r\n")
            case "cut short":
                await talk.send(answer[: -self._random.randint(1, 40)])
                return False
            case "never answered":
                await talk.hang_up_waited_for()
                return False
        await talk.send(answer)
        return True


class Caller:
    """One call, the number that is its own, and what it was told."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.number = number
        self.kind = chance.choice(["get", "update", "increment", "increment"])
        self.gives_up_after = chance.choice([None] * 4 + [chance.random() * 2])
        self.told: list[str] = []
        self.error: BaseException | None = None

    def hear(self, outcome: Outcome[Any, Any]) -> None:
        self.told.append(str(outcome.status))

    async def call(self, client: ExistClient) -> None:
        try:
            async with asyncio.timeout(self.gives_up_after):
                if self.kind == "get":
                    await get(client)
                elif self.kind == "update":
                    await client.values.update([ValueUpdate("coffees", DAY, self.number)], on_outcome=self.hear)
                else:
                    await client.values.increment([ValueIncrement("coffees", self.number, DAY)], on_outcome=self.hear)
        except (ExistAsyncError, TimeoutError) as error:
            self.error = error


@pytest.mark.usefixtures("nothing_left")
async def test_a_thousand_calls_on_ten_connections_lose_nothing_and_count_nothing_twice() -> None:
    chance = random.Random(SEED)
    callers = [Caller(number, chance) for number in range(1, CALLS_AT_ONCE + 1)]
    whims = Whims(SEED)
    descriptors = open_descriptors()
    async with serving(whims) as server, asyncio.timeout(60):
        options = {"max_connections": CONNECTIONS, "timeout": 1.5, "sleep": lambda seconds: asyncio.sleep(0)}
        async with quick(server.url, **options) as client:
            # Waiting for a connection has the timeout as well, and here it is not what fails.
            users = [client.with_options(auth=f"user-number-{number}") for number in range(50)]
            calls = [caller.call(users[caller.number % len(users)]) for caller in callers]
            await asyncio.gather(*calls)

            whims.well = True
            await asyncio.gather(*(get(client.with_options(timeout=30.0)) for _ in range(CONNECTIONS)))
            assert client._session._pool.throttle.lines == {}
        applied = Counter({number: times for (_, _, number), times in server.applied.items()})

    assert set(whims.met) == set(FATES)
    # Both ends of a connection are here, and of some one end is about to be closed.
    assert whims.most_descriptors <= descriptors + 2 * CONNECTIONS + 10
    assert cells(callers, applied) == {"get": row(37).get, "update": row(37).update, "increment": row(37).increment}


def cells(callers: list[Caller], applied: Counter[Any]) -> dict[str, str]:
    """Return what the calls of each kind have in common, once each was compared with what the service did."""
    for caller in callers:
        times = applied[caller.number]
        if caller.kind == "get":
            assert times == 0
            continue
        # One who gave up before the request was sent is told of nothing, and nothing was done.
        assert len(caller.told) == 1 or (caller.told == [] and isinstance(caller.error, TimeoutError)), vars(caller)
        most = 1 if caller.kind == "increment" else 3
        least, most = {"succeeded": (1, most), "unknown": (0, most)}.get("".join(caller.told), (0, 0))
        assert least <= times <= most, (vars(caller), times)
    counts = {kind: Counter(word for one in callers if one.kind == kind for word in one.told) for kind in KINDS}
    done = {kind: sum(applied[one.number] for one in callers if one.kind == kind) for kind in KINDS}
    assert min(counts["increment"][word] for word in ("succeeded", "refused", "unknown")) > 0
    more = done["increment"] - counts["increment"]["succeeded"]
    ends = {type(one.error) for one in callers if one.kind == "get"}
    assert type(None) in ends
    assert len(ends) > 2
    return {
        "get": "an answer, or an error of this package",
        "update": "each once, twice or thrice if succeeded; others if unknown"
        if done["update"] >= counts["update"]["succeeded"]
        else "lost",
        "increment": "applied = succeeded + 0…unknown" if 0 <= more <= counts["increment"]["unknown"] else "lost",
    }


KINDS = ("get", "update", "increment")
