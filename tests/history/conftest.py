"""What the tests of histories share: a sandbox in which it is always the same day."""

import datetime as dt

import pytest

from exist_async.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(now=lambda: dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC))
