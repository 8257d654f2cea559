"""The journals that `update` keeps by itself, one for each file, so that running it again goes on."""

import datetime as dt
import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self, cast

from attrs import asdict, frozen

from exist_async.cli.state_folder import state_folder
from exist_async.errors import ConfigurationError

OTHER_PLACE: Final = "Or name another file with --journal, or add --no-journal to do without."
"""The remedy if the place of a journal that is kept can't be used."""

_KEPT_DAYS: Final = 30
_OWNER_ONLY: Final = 0o700
_SUFFIXES: Final = ("", "-wal", "-shm", "-journal")


@frozen
class JobRecord:
    """The record of a file that was written, beside the journal itself.

    Attributes:
        command: The command with the options that make another job of it.
        digest: SHA-256 of the file.
        ended: The time when no line was left to be sent; None if that was not reached.
        is_complete: Whether every line was accepted then.
    """

    command: str
    digest: str
    ended: dt.datetime | None = None
    is_complete: bool = False


@frozen
class KeptJournal:
    """The place of a journal, which need not exist yet.

    Attributes:
        path: Path of the journal.
        has_record: Whether a record is kept beside it.
    """

    path: Path
    has_record: bool = True

    @classmethod
    def for_file(cls, origin: str, account: str, command: str, file: Path) -> Self:
        """Return the place of the journal of a file; journals that were not used for a month are removed.

        Args:
            origin: Origin of the service.
            account: The user's account there.
            command: The command, such as "update".
            file: The file.

        Raises:
            ConfigurationError: There is no folder for journals.
        """
        job = json.dumps([origin, account, command, str(file.resolve())])
        folder = _folder()
        _remove_old(folder)
        return cls(folder / f"{hashlib.blake2b(job.encode(errors='surrogateescape'), digest_size=16).hexdigest()}.db")

    @property
    def record(self) -> JobRecord | None:
        """The record of the job; None if there is none that can be read."""
        if not self.has_record:
            return None
        try:
            content = cast("dict[str, Any]", json.loads(self._record_path.read_bytes()))
            ended = content["ended"]
            return JobRecord(
                str(content["command"]),
                str(content["digest"]),
                None if ended is None else dt.datetime.fromisoformat(ended),
                bool(content["is_complete"]),
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write_record(self, record: JobRecord) -> None:
        """Replace the record, if one is kept.

        Raises:
            ConfigurationError: It can't be written.
        """
        if not self.has_record:
            return
        ended = None if record.ended is None else record.ended.isoformat()
        content = json.dumps({**asdict(record), "ended": ended})
        temporary = self._record_path.with_suffix(f".{os.getpid()}")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(content)
            temporary.replace(self._record_path)
        except OSError as error:
            raise _unusable(self._record_path, error) from error

    def remove(self) -> None:
        """Remove the journal, if there is one.

        Raises:
            ConfigurationError: It can't be removed.
        """
        try:
            if self.has_record:
                self._record_path.unlink(missing_ok=True)
            for suffix in _SUFFIXES:
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(self.path, error) from error

    @property
    def _record_path(self) -> Path:
        return self.path.with_suffix(".json")


def _folder() -> Path:
    try:
        folder = state_folder() / "journals"
    except ConfigurationError as error:
        error.add_note(OTHER_PLACE)
        raise
    try:
        folder.mkdir(mode=_OWNER_ONLY, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error
    return folder


def _unusable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{path}, for going on after an interruption, can't be used: {error.strerror}. Name another file with "
        "--journal, or add --no-journal to do without"
    )


def _remove_old(folder: Path) -> None:
    """Remove journals that were not written for a month."""
    oldest = time.time() - _KEPT_DAYS * 86_400
    newest: dict[str, float] = {}
    # Files may vanish meanwhile, by another process.
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                job = path.name.partition(".")[0]
                newest[job] = max(newest.get(job, 0.0), path.stat().st_mtime)
        for path in list(folder.iterdir()):
            if newest.get(path.name.partition(".")[0], oldest) < oldest:
                with suppress(OSError):
                    path.unlink()
