"""The table of faults, and what each kind of call does at each of them."""

from pathlib import Path

from attrs import frozen

HERE = Path(__file__).parent
README = HERE / "README.md"

_INTRODUCTION = """\
# What calls do at each fault

The tests beside this file run a service that misbehaves on real sockets, and compare what calls did with this table,
word for word: it is made by them, with `EXIST_WRITE_FAULTS=1 pytest tests/faults/test_table.py`.

An update is a write that is harmless to repeat; an increment is one that would count twice. Each has one item.
*answered at attempt 2* is a success. *unknown*, *refused* and *not_sent* are the outcome of the item, and *applied* is
how often the service really carried it out. Where one fault has several variants, or comes once instead of for ever,
those that differ are named.
"""


@frozen
class Row:
    """One fault of the matrix.

    Attributes:
        number: Its number in the matrix.
        fault: What the network or the service does.
        get: What a GET does.
        update: What a write does that is harmless to repeat.
        increment: What a write does that is never repeated.
        test: The test that shows it, as `file.py::name`.
    """

    number: int
    fault: str
    get: str
    update: str
    increment: str
    test: str


def all_rows() -> list[Row]:
    """Return the rows of the whole matrix in their order."""
    from faults import service_rows, wire_rows  # they take the class from here

    return sorted([*wire_rows.ROWS, *service_rows.ROWS], key=lambda row: row.number)


def rendered() -> str:
    """Return the table as README.md has it."""
    lines = ["| # | Fault | GET | Update | Increment | Test |", "| ---: | --- | --- | --- | --- | --- |"]
    for row in all_rows():
        file, _, name = row.test.partition("::")
        cells = [str(row.number), row.fault, row.get, row.update, row.increment, f"[{name}]({file})"]
        lines.append(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in cells)} |")
    return _INTRODUCTION + "\n" + "\n".join(lines) + "\n"
