"""The file that an export writes as a whole."""

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from filecmp import cmp
from io import BufferedWriter
from pathlib import Path

from attrs import frozen

from exist_async.errors import ConfigurationError


@frozen
class OutputFile:
    """A file, which need not exist, and which is never half written.

    Attributes:
        given: The path as the user gave it, for messages.
        path: The path of the file itself, where `given` is a symbolic link.
    """

    given: Path
    path: Path

    @staticmethod
    def locate(given: Path, *, described: str, remedy: str) -> Path:
        """Return the path of the file itself.

        Args:
            given: The path as the user gave it.
            described: The path with its option, as messages name it.
            remedy: Advice if it is not a regular file.

        Raises:
            ConfigurationError: There is something other than a regular file, or no folder to create it in.
        """
        try:
            path = given.resolve()
            # Not the resolved path: /dev/stdout may be a pipe, which has none.
            is_other = path.is_symlink() or (given.exists() and not given.is_file())
        except (OSError, RuntimeError) as error:  # symbolic links in a circle; an error only before Python 3.13
            raise ConfigurationError(f"{described}: {error}") from error
        if is_other:
            raise ConfigurationError(f"{described} is not a regular file: {remedy}")
        if not path.parent.is_dir():
            raise ConfigurationError(f"{described}: there is no folder {path.parent}")
        return path

    @property
    def exists(self) -> bool:
        """Whether the file is there; an empty one does not count."""
        return self.path.exists() and self.path.stat().st_size > 0

    @property
    def part_path(self) -> Path:
        """Path of the file with what was read, until the export is complete."""
        return self.path.with_name(f"{self.path.name}.part")

    @contextmanager
    def writing(self, *, overwrite: bool) -> Generator[BufferedWriter]:
        """Open a new file for the duration of a block, at the end of which it takes the place of this one, at once.

        Args:
            overwrite: Whether this file may exist. Otherwise it may only if it has the same content.

        Raises:
            ConfigurationError: The file can't be written, or it exists.
        """
        new = self.path.with_name(f"{self.path.name}.part.new")
        try:
            with self.reporting("written"), new.open("wb") as file:
                if self.path.exists():
                    new.chmod(stat.S_IMODE(self.path.stat().st_mode))
                yield file
                file.flush()
                os.fsync(file.fileno())
            with self.reporting("written"):
                if not overwrite and self.exists and not cmp(new, self.path, shallow=False):
                    raise ConfigurationError(f"{self.given} was written by something else meanwhile: move it away")
                new.replace(self.path)
                self._sync_folder()
        finally:
            new.unlink(missing_ok=True)

    @contextmanager
    def reporting(self, verb: str) -> Generator[None]:
        """Raise ConfigurationError for an error of the file in a block, whose verb is "read" or "written"."""
        try:
            yield
        except OSError as error:
            raise ConfigurationError(f"{self.given} can't be {verb}: {error.strerror}") from error

    def _sync_folder(self) -> None:
        if os.name == "posix":
            # Until the folder is written to disk, a power failure could undo the renaming.
            descriptor = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
