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
