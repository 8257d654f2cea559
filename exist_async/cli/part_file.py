"""The file in which an export keeps what it has read, until it is complete."""

import errno
import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from attrs import frozen

from exist_async.errors import ConfigurationError

_VERSION: Final = 1
_BEGINNING: Final = b'{"exist-async history":'

# The answers of file systems, mostly of networks, that can't lock files.
_NO_LOCKS: Final = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@frozen
class Begun:
    """The options and days of an unfinished export; the first line of its file.

    Attributes:
        asked: The user, the service and the options.
        updates: Whether it brings a complete file up to date, instead of writing a new one.
        start: The first day to read, as ISO text.
        end: The last day.
        oldest: The first day to read of attributes that the complete file does not have.
    """

    asked: dict[str, Any]
    updates: bool
    start: str
    end: str
    oldest: str


class _KeptPage(msgspec.Struct):
    request: str
    page: msgspec.Raw


class PartFile:
    """Pages, one a line, after a line that says what was asked for; locked while it is open.

    A line is written at once and synced to disk. A line that the end of the process cut off is removed when the file is
    opened the next time.

    Args:
        path: The path, for messages.
        file: The open file.

    Attributes:
        path: The path.
        begun: The export that was begun; None if the file is new.
    """

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        self._file = file
        self._places: dict[str, tuple[int, int]] = {}  # offset and length of the line with the page of a request
        self._end = 0
        self._is_removed = False
        self._unused: set[str] = set()
        self.begun: Begun | None = None
        with self._reporting("read"):
            self._load()
        self._unused.update(self._places)

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Generator[Self]:
        """Open and lock the file for the duration of a block; it is created, and removed again if it holds no page.

        Raises:
            ConfigurationError: The file can't be used, another process uses it, or it is something else.
        """
        try:
            file = _open_locked(path)
        except BlockingIOError:
            raise ConfigurationError(f"{path} is in use: another exist-async is writing this export") from None
        except OSError as error:
            raise ConfigurationError(f"{path} can't be written: {error.strerror}") from error
        with file:
            part = cls(path, file)
            try:
                yield part
            finally:
                if not (part._places or part._is_removed):
                    part.remove()

    def __len__(self) -> int:
        """Return the number of pages."""
        return len(self._places)

    @property
    def unused(self) -> int:
        """Number of pages of earlier runs that this one has not taken yet."""
        return len(self._unused)

    def begin(self, begun: Begun) -> None:
        """Write what is asked for, in place of all that the file has."""
        self._places.clear()
        self._unused.clear()
        with self._reporting("written"):
            self._cut(0)
        line = {
            "exist-async history": _VERSION,
            "asked": begun.asked,
            "updates": begun.updates,
            "start": begun.start,
            "end": begun.end,
            "oldest": begun.oldest,
        }
        # Unlike msgspec, json writes any text: an argument that is not UTF-8 is refused later.
        self._append(json.dumps(line, separators=(",", ":")).encode())
        self.begun = begun

    def get(self, request: str) -> bytes | None:
        """Return the page that answered a request; None if it is not kept."""
        place = self._places.get(request)
        if place is None:
            return None
        self._unused.discard(request)
        with self._reporting("read"):
            self._file.seek(place[0])
            return bytes(msgspec.json.decode(self._file.read(place[1]), type=_KeptPage).page)

    def put(self, request: str, page: bytes) -> None:
        """Keep a page."""
        offset = self._end
        self._append(b'{"request":%b,"page":%b}' % (msgspec.json.encode(request), page))
        self._places[request] = (offset, self._end - offset)

    def remove(self) -> None:
        """Remove the file, while it is still locked where that is possible."""
        self._is_removed = True
        if os.name != "posix":
            self._file.close()
        with self._reporting("removed"):
            self.path.unlink(missing_ok=True)

    def _load(self) -> None:
        self._file.seek(0)
        content = os.fdopen(os.dup(self._file.fileno()), "rb")
        with content:
            first = content.readline()
            if not first or (not first.endswith(b"\n") and _BEGINNING.startswith(first[: len(_BEGINNING)])):
                return
            self.begun = self._read_begun(first)
            self._end = len(first)
            for line in content:
                if (request := _request_in(line)) is None:
                    break
                self._places[request] = (self._end, len(line))
                self._end += len(line)
        self._cut(self._end)

    def _read_begun(self, line: bytes) -> Begun:
        if not line.startswith(_BEGINNING):
            raise ConfigurationError(f"{self.path} is not an unfinished export of exist-async: move it away")
        try:
            members: dict[str, Any] = json.loads(line)
            if members.pop("exist-async history") == _VERSION:
                return Begun(**members)
        except (ValueError, TypeError):
            pass
        raise ConfigurationError(
            f"{self.path} was written by another version of exist-async: remove it to begin the export again"
        )

    def _append(self, content: bytes) -> None:
        line = memoryview(content + b"\n")
        size = len(line)
        with self._reporting("written"):
            try:
                self._file.seek(self._end)
                while line:
                    line = line[self._file.write(line) :]
                os.fsync(self._file.fileno())
            except OSError:
                # The disk is full. What is cut off would otherwise run into the line of another page.
                with suppress(OSError):
                    self._cut(self._end)
                raise
        self._end += size

    def _cut(self, size: int) -> None:
        self._file.truncate(size)
        self._end = size

    @contextmanager
    def _reporting(self, verb: str) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigurationError(f"{self.path} can't be {verb}: {error.strerror}") from error


def _request_in(line: bytes) -> str | None:
    """Return the request of a whole line with a page; None for any other."""
    if not line.endswith(b"\n"):
        return None
    try:
        kept = msgspec.json.decode(line, type=_KeptPage)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return kept.request


def _open_locked(path: Path) -> FileIO:
    """Open a file and lock it, create it if it is missing; raise BlockingIOError if another process has locked it."""
    while True:
        file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+")
        try:
            _lock(file)
            # The process that had it may have removed it since it was opened here.
            if _is_at(file, path):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _is_at(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lock(file: FileIO) -> None:
    if sys.platform == "win32":
        import msvcrt

        try:
            file.seek(1 << 40)  # far behind the end: the lock is of a byte, which others can't read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(*error.args) from error
    else:
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
