"""The table of faults, and what each kind of call does at each of them."""

import os
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

HERE = Path(__file__).parent
README = HERE / "README.md"

_INTRODUCTION = """\
# What calls do at each fault

The tests beside this file run a service that misbehaves on real sockets, and compare what calls did with this table,
word for word: it is made by them, with `EXIST_WRITE_FAULTS=1 pytest tests/faults/test_table.py`.

An update is a write that is harmless to repeat; an increment is one that would count twice. Each has one item.
*answered at attempt 2* is a success. *unknown*, *refused*, *not_sent* and *superseded* are the outcome of an item, and
*applied* is how often the service really carried it out. Where one fault has several variants, or comes once instead
of for ever, those that differ are named.
"""

_SITUATIONS = """\
## Other situations

These are not about one call to a service that misbehaves, so that tests in other folders show what holds.
"""

_TESTS = HERE.parent


@frozen
class Row:
    """One fault of the matrix.

    Attributes:
        number: Its number in the matrix.
        fault: What the network or the service does.
        get: What a GET does.
        update: What a write does that is harmless to repeat.
        increment: What a write does that is never repeated.
        test: The test that shows it, as `file.py::name`: it compares what it saw with this row.
        more: Tests of other folders that show more of it, as `folder/file.py::name`.
    """

    number: int
    fault: str
    get: str
    update: str
    increment: str
    test: str
    more: tuple[str, ...] = ()


@frozen
class Situation:
    """One fault of the matrix that is not about single calls.

    Attributes:
        number: Its number in the matrix.
        situation: Description of the fault.
        holds: Description of the promise that is kept under this fault.
        tests: The tests that show it, as `folder/file.py::name`.
    """

    number: int
    situation: str
    holds: str
    tests: tuple[str, ...]


def all_rows() -> list[Row]:
    """Return the rows of the whole matrix in their order."""
    from faults import service_rows, wire_rows  # they take the class from here

    return sorted([*wire_rows.ROWS, *service_rows.ROWS], key=lambda row: row.number)


def rendered() -> str:
    """Return the tables as README.md has them."""
    from faults.situations import SITUATIONS  # takes the class from here

    faults = [
        [str(row.number), row.fault, row.get, row.update, row.increment, _links([row.test, *row.more])]
        for row in all_rows()
    ]
    others = [[str(each.number), each.situation, each.holds, _links(each.tests)] for each in SITUATIONS]
    return "\n".join(
        [
            _INTRODUCTION,
            _table(["#", "Fault", "GET", "Update", "Increment", "Test"], faults),
            _SITUATIONS,
            _table(["#", "Situation", "What holds", "Tests"], others),
        ]
    )


def path_of(test: str) -> Path:
    """Return the file of a test that a row names; without a folder it is beside this one."""
    file = test.partition("::")[0]
    return _TESTS / file if "/" in file or not (HERE / file).exists() else HERE / file


def _table(titles: list[str], rows: list[list[str]]) -> str:
    lines = [titles, ["---:", *["---"] * (len(titles) - 1)], *rows]
    return "".join(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in line)} |\n" for line in lines)


def _links(tests: Iterable[str]) -> str:
    links = ((test.partition("::")[2], os.path.relpath(path_of(test), HERE)) for test in tests)
    return ", ".join(f"[{name}]({file})" for name, file in links)
