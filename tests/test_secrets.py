"""Hiding secrets in texts, however a service writes them."""

import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from exist_async._secrets import redact

PASSWORD = 'se cr\tät😀&"/x'


@pytest.mark.parametrize(
    "write",
    [
        str,
        quote,
        quote_plus,
        html.escape,
        lambda secret: json.dumps(secret)[1:-1],
        lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
        lambda secret: secret.replace("/", "\\/"),
    ],
    ids=["plain", "URL", "form", "HTML", "JSON in ASCII", "JSON", "JSON with escaped slashes"],
)
def test_a_secret_is_hidden_in_every_form_that_it_is_written_in(write: Callable[[str], str]) -> None:
    assert redact(f"Not {write(PASSWORD)}!", PASSWORD) == "Not [secret]!"


@pytest.mark.parametrize(
    "write",
    [
        str,
        quote,
        html.escape,
        lambda secret: json.dumps(secret)[1:-1],
        lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/"),
    ],
    ids=["plain", "URL", "HTML", "JSON", "JSON with escaped slashes"],
)
@pytest.mark.parametrize(
    "secret", ["%25%2525&amp;&", "\\\\/\\/\\", "ab" * 400, "pass word " * 20, "ends with <tags>" * 9]
)
def test_a_secret_that_looks_encoded_or_is_long_is_hidden_as_well(secret: str, write: Callable[[str], str]) -> None:
    hidden = redact(f"Not {write(secret)}", secret)

    assert hidden.startswith("Not [secret]")
    assert secret[:5] not in hidden
    assert secret[-5:] not in hidden


@pytest.mark.parametrize(
    "secret", ["a" * 60 + "b", "\\/" * 30 + "x", "%25" * 20 + "x", "&" * 60 + "x", "a" * 5_000 + "b"]
)
def test_hiding_takes_time_in_proportion_to_the_text_even_if_it_repeats_most_of_the_secret(secret: str) -> None:
    """Backtracking over the forms of each character would double the time with each character that fits."""
    text = secret[:-1] + "\\" * 60 + secret[:-1].replace("\\", "\\\\") + quote(secret[:-1])

    assert len(redact(text * 20, secret)) > 0
