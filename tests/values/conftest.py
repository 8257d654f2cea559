"""Fixture of the tests of values: a sandbox whose service owns some attributes."""

import datetime as dt

import pytest

from exist_async.sandbox import Sandbox

DAY = dt.date(2026, 11, 20)


@pytest.fixture
def sandbox() -> Sandbox:
    sandbox = Sandbox()
    for template in ("steps", "mood", "mood_note", "coffees", "weight", "sleep"):
        sandbox.add_attribute(template=template, service=sandbox.service)
    return sandbox
