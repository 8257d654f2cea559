"""Writes the lines that were not accepted to a file, in the form of their input, with the reason of each."""

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, cast

import msgspec
from attrs import frozen

from exist_async.cli.output import one_line
from exist_async.cli.records import COLUMNS, Records
from exist_async.cli.value_text import strip_invisible
from exist_async.errors import ConfigurationError
from exist_async.outcomes import Outcome
from exist_async.values import ValueEcho, ValueUpdate

REASON: Final = "reason"
"""The column, or the member, that contains the reason. `update` ignores it."""


@frozen(order=True)
class Reject:
    """A record that was not accepted.

    Attributes:
        line_number: Number of the line that it begins in.
        source: Its text; empty if that was not kept.
        reason: The reason.
    """

    line_number: int
    source: str
    reason: str


def collect_rejects(records: Records, outcomes: Sequence[Outcome[ValueUpdate, ValueEcho]]) -> list[Reject]:
    """Return the records that can't be parsed, and those that the service refused for themselves, in order."""
    refused = [
        Reject(records.line_numbers[outcome.index], records.sources[outcome.index], refusal(outcome))
        for outcome in outcomes
        if outcome.refused_for_itself
    ]
    unreadable = [Reject(record.line_number, record.source, record.reason) for record in records.unreadable]
    return sorted(refused + unreadable)


def refusal(outcome: Outcome[ValueUpdate, ValueEcho]) -> str:
    """Return the reason why the service refused a value."""
    return ": ".join(filter(None, (outcome.error_code, outcome.error))) or "refused without a reason"


@frozen
class RejectsFile:
    """The file for the lines that were not accepted, which is written at the end of a run.

    Attributes:
        path: The file.
    """

    path: Path

    def prepare(self, records: Records, known: Sequence[Reject]) -> None:
        """Check that the file can be written, and contains nothing that would be lost.

        Args:
            records: The records of the run.
            known: The lines that are known not to be accepted. A file that an interrupted run wrote contains them.

        Raises:
            ConfigurationError: The file can't be written, or contains other lines.
        """
        try:
            if self._is_special():
                return
            with self.path.open("ab"):
                present = self.path.read_bytes()
        except OSError as error:
            raise self._error(error) from error
        if present and not set(present.splitlines()) <= set(_render(records, known).splitlines()):
            raise ConfigurationError(
                f"{self.path} exists, and has lines that would be lost: remove it, or name another file with --rejects"
            )

    def write(self, records: Records, rejects: Sequence[Reject]) -> int:
        """Replace the contents of the file, and return the number of lines that are in it; remove it if there are none.

        Raises:
            ConfigurationError: The file can't be written.
        """
        rejects = [reject for reject in rejects if reject.source]
        content = _render(records, rejects)
        try:
            if self._is_special():
                self.path.write_bytes(content)
            elif rejects:
                self._replace(content)
            else:
                self.path.unlink(missing_ok=True)
        except OSError as error:
            raise self._error(error) from error
        return len(rejects)

    def _replace(self, content: bytes) -> None:
        """Write another file and move it here, so that the file never has half of its lines."""
        target = self.path.resolve()
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def _is_special(self) -> bool:
        """Whether it is a device or a pipe, such as /dev/stderr."""
        return self.path.exists() and not (self.path.is_file() or self.path.is_dir())

    def _error(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(f"{self.path} can't be written: {error.strerror}. Name another file with --rejects")


def _render(records: Records, rejects: Sequence[Reject]) -> bytes:
    add_reason: Callable[[str, str], str] = _add_to_object
    lines: list[str] = []
    if records.format == "csv":
        header, add_reason = _csv_layout(records.header)
        lines.append(header)
    lines += [add_reason(_without_line_end(each.source), one_line(each.reason)) for each in rejects if each.source]
    text = "".join(f"{line}\n" for line in lines) if len(lines) > (records.format == "csv") else ""
    return text.encode(errors="surrogateescape")


def _without_line_end(source: str) -> str:
    return source.removesuffix("\n").removesuffix("\r")


def _csv_layout(header: str | None) -> tuple[str, Callable[[str, str], str]]:
    """Return the header with a column for the reason, and the function that adds the reason to a row.

    A file without a header gets one, because it names the column that is ignored.
    """
    header = ",".join(COLUMNS) if header is None else _without_line_end(header)
    titles = _csv_fields(header) or []
    positions = [index for index, title in enumerate(titles) if strip_invisible(title).strip().lower() == REASON]
    if not positions:
        return f"{header},{REASON}", lambda source, reason: f"{source},{_csv_row([reason])}"

    def replace_reason(source: str, reason: str) -> str:
        fields = _csv_fields(source)
        if fields is None or len(fields) != len(titles):
            return f"{source},{_csv_row([reason])}"
        fields[positions[0]] = reason
        return _csv_row(fields)

    return header, replace_reason


def _csv_fields(source: str) -> list[str] | None:
    try:
        return next(csv.reader(io.StringIO(source, newline=""), strict=True))
    except csv.Error:
        return None


def _csv_row(fields: Sequence[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()


def _add_to_object(source: str, reason: str) -> str:
    """Add a reason to a JSON object, whose other members stay as they were written; other text stays as it is."""
    stripped = source.strip(" \t\r\n")
    try:
        decoded: object = msgspec.json.decode(stripped)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return stripped
    if not isinstance(decoded, dict):
        return stripped
    members = cast("dict[str, object]", decoded)
    if REASON in members:
        return json.dumps({**members, REASON: reason}, ensure_ascii=False)
    separator = ", " if members else ""
    return f"{stripped[:-1].rstrip()}{separator}{json.dumps(REASON)}: {json.dumps(reason, ensure_ascii=False)}}}"
