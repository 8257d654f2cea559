"""Fixture of the tests of histories: a sandbox with a fixed date."""

import datetime as dt

import pytest

from exist_async.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(now=lambda: dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC))
