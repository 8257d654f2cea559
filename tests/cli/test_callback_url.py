"""Which addresses end an attempt to sign in."""

import pytest

from exist_async.cli.callback_url import has_state, problem_of


@pytest.mark.parametrize(
    ("callback", "stated"),
    [
        ("http://localhost:8000/?code=c0de&state=mine", True),
        ("http://localhost:8000/?error=access_denied&state=mine", True),
        ("http://localhost:8000/?app=1&code=c0de", False),
        ("/?code=c0de", False),
        ("c0de", False),
    ],
)
def test_a_code_or_an_error_ends_it_with_this_state_or_none(callback: str, stated: bool) -> None:
    assert problem_of(callback, "mine") is None
    assert has_state(callback) is stated


@pytest.mark.parametrize(
    ("callback", "problem"),
    [
        ("http://localhost:8000/", "It holds neither a code nor an error: it is not where signing in ends."),
        (
            "http://localhost:8000/?code=&error=",
            "It holds neither a code nor an error: it is not where signing in ends.",
        ),
        ("http://localhost:8000/?code=c0de&state=", "It belongs to another attempt to sign in."),
        ("http://localhost:8000/?code=c0de&state=Mine", "It belongs to another attempt to sign in."),
        ("http://localhost:8000/?code=c0de&state=m%C3%ADne", "It belongs to another attempt to sign in."),
        ("http://localhost:8000/?code=c0de&state=%ff", "It belongs to another attempt to sign in."),
        ("http://localhost:8000/?code=c0de&code=c0de", "It says the same thing twice."),
        ("http://localhost:8000/?code=c0de&state=mine&state=mine", "It says the same thing twice."),
        ("http://[/?code=c0de", "It is no valid URL."),
    ],
)
def test_everything_else_has_a_problem(callback: str, problem: str) -> None:
    assert problem_of(callback, "mine") == problem
