"""The folder where commands keep what they need the next time."""

from pathlib import Path

import pytest

from exist_async import ConfigurationError
from exist_async.cli.state_folder import state_folder


def test_it_is_created_for_its_owner_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    folder = state_folder()

    assert folder == tmp_path / "state" / "exist-async"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert state_folder() == folder


def test_a_user_without_a_home_directory_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)

    with pytest.raises(ConfigurationError, match="set HOME or XDG_STATE_HOME to an absolute path"):
        state_folder()


def test_a_folder_that_cannot_be_created_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocking = tmp_path / "file"
    blocking.touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(blocking))

    with pytest.raises(ConfigurationError, match=r"file/exist-async, .* can't be created: Not a directory"):
        state_folder()
