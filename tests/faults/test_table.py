"""The table of faults: whole, and what the tests say."""

import ast
import os
import re
from functools import cache
from pathlib import Path

from faults.situations import SITUATIONS
from faults.table import README, all_rows, path_of, rendered

FAULTS = 58


def test_every_fault_of_the_matrix_is_there_once() -> None:
    numbers = [each.number for each in (*all_rows(), *SITUATIONS)]

    assert sorted(numbers) == list(range(1, FAULTS + 1))


@cache
def functions_in(path: Path) -> dict[str, str]:
    """Return the source of every test function of a file by its name, in the form that Python gives it."""
    return {
        node.name: ast.unparse(node)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def source_of(test: str) -> str | None:
    """Return the source of a test that the table names; None where there is none of that name."""
    path = path_of(test)
    return functions_in(path).get(test.partition("::")[2]) if path.exists() else None


def named_tests() -> set[str]:
    named = {test for row in all_rows() for test in (row.test, *row.more)}
    return named.union(*(each.tests for each in SITUATIONS))


def test_every_fault_is_shown_by_tests_that_there_are() -> None:
    assert {test for test in named_tests() if source_of(test) is None} == set()
    assert all(each.tests for each in SITUATIONS)


def test_every_row_is_compared_with_what_its_test_saw() -> None:
    compared = re.compile(r"\b(?:row|compare|compare_cells)\((\d+)\b")

    assert [row.test for row in all_rows() if str(row.number) not in compared.findall(source_of(row.test) or "")] == []


def test_the_readme_shows_the_table() -> None:
    if os.environ.get("EXIST_WRITE_FAULTS") == "1":
        README.write_text(rendered())

    assert README.read_text() == rendered(), "set EXIST_WRITE_FAULTS=1 to have it written"
