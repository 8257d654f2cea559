"""Fixtures of the tests of Attio's client: clients of a scripted service."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from attio.samples import Asking

from exist_async import MemoryRateLimiter
from exist_async.attio import AttioClient


@pytest.fixture(autouse=True)
def _no_token_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATTIO_TOKEN", raising=False)


@pytest.fixture
def asking(clock: Any) -> Asking:
    """Makes clients of a service that a function implements, without a socket; their waits take no time."""

    def make(answer: Callable[[httpx.Request], httpx.Response], **options: Any) -> AttioClient:
        http_client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        options.setdefault("rate_limiter", MemoryRateLimiter(100, 1.0, clock=clock, sleep=clock.sleep))
        options.setdefault("write_rate_limiter", MemoryRateLimiter(25, 1.0, clock=clock, sleep=clock.sleep))
        timing = {"clock": clock, "sleep": clock.sleep, "fraction": lambda: 0.0}
        return AttioClient("a-token", http_client=http_client, **(timing | options))

    return make
