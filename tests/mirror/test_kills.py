"""First pulls whose process is killed again and again, with a real file and a sandbox behind a socket."""

from pathlib import Path
from random import Random

import pytest
from mirror_worker import CONCURRENCY, NOON, VALUES, Pull, fill, values_in, values_of

from exist_async.sandbox import Sandbox

pytestmark = pytest.mark.slow

KILLS = 12


@pytest.mark.timeout(240)
async def test_a_first_pull_that_is_killed_is_finished_by_starting_it_again(tmp_path: Path) -> None:
    sandbox = Sandbox(latency=0.01, now=lambda: NOON)
    fill(sandbox)
    random, kills, in_vain = Random(1), 0, 0
    async with sandbox.serve() as url:
        whole = Pull(sandbox, url, tmp_path / "undisturbed.db")
        await whole.run()
        # The pull into each file is killed three times, anywhere from its first request to its last.
        for number in range(KILLS // 3):
            pull = Pull(sandbox, url, tmp_path / f"{number}.db")
            while pull.kills < 3:
                kill_after = random.randint(1, whole.requests.total() // 3)
                await pull.run(kill_after=kill_after, pause=random.random() * 0.02)
            await pull.run()

            assert values_in(pull.file) == values_of(sandbox)
            # Each run reads the last days again, in two pages.
            assert pull.requests[VALUES] <= whole.requests[VALUES] + pull.kills * (CONCURRENCY + 2)
            for path in whole.requests.keys() - {VALUES}:
                assert pull.requests[path] <= whole.requests[path] * (1 + pull.kills), path
            kills += pull.kills
            in_vain += pull.requests[VALUES] - whole.requests[VALUES] - 2 * pull.kills
    assert kills == KILLS
    assert in_vain > 0  # some were killed while requests were in flight
