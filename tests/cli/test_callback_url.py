"""Recognising the URL that ends an attempt to sign in."""

import pytest

from exist_async.cli.callback_url import callback_problem, has_code, has_state


@pytest.mark.parametrize(
    ("callback", "contains_state"),
    [
        ("http://localhost:8000/?code=c0de&state=mine", True),
        ("http://localhost:8000/?error=access_denied&state=mine", True),
        ("http://localhost:8000/?app=1&code=c0de", False),
        ("/?code=c0de", False),
        ("c0de", False),
    ],
)
def test_a_code_or_an_error_with_the_right_state_or_none_ends_the_attempt(callback: str, contains_state: bool) -> None:
    assert callback_problem(callback, "mine") is None
    assert has_state(callback) is contains_state
    assert has_code(callback) is ("error" not in callback)


@pytest.mark.parametrize(
    ("callback", "problem"),
    [
        (
            "http://localhost:8000/",
            "It contains neither a code nor an error: it is not the address that signing in ends at.",
        ),
        (
            "http://localhost:8000/?code=&error=",
            "It contains neither a code nor an error: it is not the address that signing in ends at.",
        ),
        ("http://localhost:8000/?code=c0de&state=", "It belongs to another attempt to sign in."),
        ("http://localhost:8000/?code=c0de&state=Mine", "It belongs to another attempt to sign in."),
        ("http://localhost:8000/?code=c0de&state=m%C3%ADne", "It belongs to another attempt to sign in."),
        ("http://localhost:8000/?code=c0de&state=%ff", "It belongs to another attempt to sign in."),
        ("http://localhost:8000/?code=c0de&code=c0de", "It contains a parameter twice."),
        ("http://localhost:8000/?code=c0de&state=mine&state=mine", "It contains a parameter twice."),
        ("http://[/?code=c0de", "It is not a valid URL."),
        ("code=c0de&state=mine", "It is only the end of the address: copy all of it, from http on."),
    ],
)
def test_other_urls_are_refused_with_a_reason(callback: str, problem: str) -> None:
    assert callback_problem(callback, "mine") == problem
