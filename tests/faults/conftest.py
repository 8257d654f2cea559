"""Fixtures of the tests of faults."""

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

# Theirs are asserts of tests, and are to say as much when they fail.
pytest.register_assert_rewrite("faults.observe", "faults.wire")

DESCRIPTORS = Path("/proc/self/fd")


def open_descriptors() -> int:
    return len(os.listdir(DESCRIPTORS)) if DESCRIPTORS.exists() else 0  # noqa: PTH208  (to iterate opens one more)


@pytest.fixture
async def nothing_left() -> AsyncGenerator[None, None]:
    """Sees to it that a test leaves no task and no file descriptor behind."""
    tasks, descriptors = asyncio.all_tasks(), open_descriptors()
    yield
    left: set[asyncio.Task[object]] = set()
    # Closed connections take the loop a few turns to be rid of.
    for _ in range(500):
        left = asyncio.all_tasks() - tasks - {asyncio.current_task()}  # type: ignore[arg-type]
        if not left and open_descriptors() <= descriptors:
            return
        await asyncio.sleep(0.01)
    assert not left
    assert open_descriptors() <= descriptors
