"""Fixtures of the tests of journals."""

from pathlib import Path

import pytest

from exist_async.sandbox import Sandbox


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def sandbox() -> Sandbox:
    """A sandbox whose service owns some attributes."""
    sandbox = Sandbox()
    for template in ("steps", "mood", "mood_note", "coffees", "floors"):
        sandbox.add_attribute(template=template, service=sandbox.service)
    return sandbox
