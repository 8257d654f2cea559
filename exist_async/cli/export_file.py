"""The file that `history --output` writes as a whole, and that `--since-last` brings up to date."""

import os
import re
import stat
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from filecmp import cmp
from functools import cache
from io import BufferedWriter
from pathlib import Path
from typing import BinaryIO

import msgspec
from attrs import define, field, frozen

from exist_async.cli.export_formats import FileFormat, RecordEncoder, header_of, record_encoder
from exist_async.cli.records import COLUMNS
from exist_async.cli.value_text import is_date, shorten
from exist_async.errors import ConfigurationError
from exist_async.values import DayValue

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@frozen
class _Record:
    """A value in the file.

    Attributes:
        content: The bytes of the record, including its line end.
        name: Name of the attribute.
        day: The date, as ISO text.
    """

    content: bytes
    name: str
    day: str


@define
class FileSummary:
    """The attributes and days in a file.

    Attributes:
        newest: The newest day of each attribute by its name, as ISO text.
        oldest: The oldest day; empty without values.
    """

    newest: dict[str, str] = field(factory=dict[str, str])
    oldest: str = ""


@frozen
class Changes:
    """The changes to a file: numbers of values."""

    added: int
    replaced: int


@frozen
class ExportFile:
    """A file of values.

    Attributes:
        given: The path as the user gave it, for messages.
        path: The path of the file itself, where `given` is a symbolic link.
        file_format: The format.
        encode: Encodes values.
    """

    given: Path
    path: Path
    file_format: FileFormat
    encode: RecordEncoder

    @classmethod
    def at(cls, given: Path, file_format: FileFormat, *, safe_cells: bool) -> "ExportFile":
        """Return the file at a path, which need not exist.

        Raises:
            ConfigurationError: There is something other than a regular file, or no folder to create it in.
        """
        try:
            path = given.resolve()
            # Not the resolved path: /dev/stdout may be a pipe, which has none.
            is_other = path.is_symlink() or (given.exists() and not given.is_file())
        except (OSError, RuntimeError) as error:  # symbolic links in a circle; an error only before Python 3.13
            raise ConfigurationError(f"--output {given}: {error}") from error
        if is_other:
            raise ConfigurationError(
                f"--output {given} is not a regular file: leave --output out, and redirect the command's output"
            )
        if not path.parent.is_dir():
            raise ConfigurationError(f"--output {given}: there is no folder {path.parent}")
        return cls(given, path, file_format, record_encoder(file_format, safe_cells=safe_cells))

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
            with self._reporting("written"), new.open("wb") as file:
                if self.path.exists():
                    new.chmod(stat.S_IMODE(self.path.stat().st_mode))
                yield file
                file.flush()
                os.fsync(file.fileno())
            with self._reporting("written"):
                if not overwrite and self.exists and not cmp(new, self.path, shallow=False):
                    raise ConfigurationError(f"{self.given} was written by something else meanwhile: move it away")
                new.replace(self.path)
                self._sync_folder()
        finally:
            new.unlink(missing_ok=True)

    def encode_record(self, name: str, day: DayValue) -> bytes:
        """Return the record of a value."""
        return self.encode(name, day).encode()

    @property
    def header(self) -> bytes:
        """The bytes that the file begins with."""
        return header_of(self.file_format).encode()

    def summarise(self) -> FileSummary:
        """Read the file, and return from when to when it has values.

        Raises:
            ConfigurationError: It can't be read, or it has something else.
        """
        summary = FileSummary()
        with self._reporting("read"), self.path.open("rb") as file:
            for record in self._read(file):
                if not summary.oldest or record.day < summary.oldest:
                    summary.oldest = record.day
                if record.day > summary.newest.get(record.name, ""):
                    summary.newest[record.name] = record.day
        return summary

    def merge(self, records: Iterable[tuple[str, str, bytes]]) -> Changes:
        """Replace the records of the same attribute and day where they differ, and append the others.

        Args:
            records: Name, day and bytes of each record.

        Raises:
            ConfigurationError: The file can't be read or written; then it is as it was.
        """
        new = {(name, day): content for name, day, content in records}
        with self._reporting("read"), self.path.open("rb") as file:
            present, replaced = set[tuple[str, str]](), set[tuple[str, str]]()
            for record in self._read(file):
                key = record.name, record.day
                if key in new:
                    present.add(key)
                    if new[key].rstrip(b"\r\n") != record.content.rstrip(b"\r\n"):
                        replaced.add(key)
            added = [content for key, content in new.items() if key not in present]
            if added or replaced:
                file.seek(0)
                with self.writing(overwrite=True) as out:
                    out.write(self.header)
                    out.writelines(
                        new[key] if (key := (record.name, record.day)) in replaced else record.content
                        for record in self._read(file)
                    )
                    out.writelines(added)
        return Changes(len(added), len(replaced))

    def _read(self, file: BinaryIO) -> Iterator[_Record]:
        parse = _parse_csv if self.file_format == "csv" else _parse_json
        lines = enumerate(file, 1)
        if self.file_format == "csv":
            first = next(lines, (1, b""))[1]
            if first.removeprefix(_BYTE_ORDER_MARK).strip() != self.header.strip():
                raise ConfigurationError(f"{self.given} does not begin with {','.join(COLUMNS)}: {_REMEDY}")
        for number, line in lines:
            content = [line]
            # A text with line breaks is in quotes.
            in_quotes = self.file_format == "csv" and line.count(b'"') % 2 == 1
            while in_quotes and (following := next(lines, None)):
                content.append(following[1])
                in_quotes = following[1].count(b'"') % 2 == 0
            record = b"".join(content)
            if in_quotes or not record.endswith(b"\n"):
                raise ConfigurationError(f"{self.given} ends in the middle of line {number}: {_REMEDY}")
            try:
                name, day = parse(record)
            except (ValueError, msgspec.DecodeError):
                name = day = ""
            if not (name and _is_day(day)):
                text = shorten(record.decode(errors="replace").strip())
                raise ConfigurationError(f"{self.given}, line {number}: {text!r} is no value of a day: {_REMEDY}")
            yield _Record(record, name, day)

    @contextmanager
    def _reporting(self, verb: str) -> Generator[None]:
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


_REMEDY = (
    "--since-last only continues a file that history has written, with the same --format. Remove it to export "
    "everything again"
)


# Not read with the csv module, which takes no field longer than 131,072 characters: a text may be longer.
_QUOTED = rb'"(?:[^"]++|"")*+"'
_PLAIN = rb'[^",\r\n]*+'
_CSV_RECORD = re.compile(rb'(%b|%b),("?+)([\d-]*+)\2,(?:%b|%b)\r?\n' % (_QUOTED, _PLAIN, _QUOTED, _PLAIN))

# The files have hundreds of thousands of lines, and a few thousand days.
_is_day = cache(is_date)


class _Line(msgspec.Struct):
    name: str
    date: str


def _parse_csv(content: bytes) -> tuple[str, str]:
    record = _CSV_RECORD.fullmatch(content)
    if record is None:
        raise ValueError("not name,date,value")
    name = record[1].decode()
    return (name[1:-1].replace('""', '"') if name.startswith('"') else name), record[3].decode()


def _parse_json(content: bytes) -> tuple[str, str]:
    line = msgspec.json.decode(content, type=_Line)
    return line.name, line.date
