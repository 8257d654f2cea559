"""The table of faults: whole, and what the tests say."""

import ast
import os

from faults.table import HERE, README, all_rows, rendered


def test_every_fault_of_the_matrix_is_there_once() -> None:
    assert [row.number for row in all_rows()] == list(range(1, 43))


def test_every_fault_is_shown_by_a_test_that_there_is() -> None:
    tests = {
        f"{path.name}::{node.name}": ast.unparse(node)
        for path in HERE.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {row.test for row in all_rows()} - set(tests) == set()


def test_the_readme_shows_the_table() -> None:
    if os.environ.get("EXIST_WRITE_FAULTS") == "1":
        README.write_text(rendered())

    assert README.read_text() == rendered(), "set EXIST_WRITE_FAULTS=1 to have it written"
