"""Describes errors to people at the command line, who have options and variables in place of Python's arguments."""

import math
import re

from exist_async.cli.budget import Budget
from exist_async.errors import BatchError, ExistAsyncError, MirrorError, RateLimitError

_NAMES = {
    "base_url": "--base-url (or EXIST_BASE_URL)",
    "client_id": "the client ID",
    "client_secret": "the client secret",
    "redirect_uri": "the redirect URI (EXIST_REDIRECT_URI)",
    "attributes is": "--attribute is",
    "groups is": "--group is",
}
_MIRROR_CALLS = {
    "pull into it": "run exist-async mirror with it",
    "Pull into another file": "Run exist-async mirror with another file",
    "call again": "run the command again",
}
_ARGUMENT = re.compile(r"\b(base_url|client_id|client_secret|redirect_uri)\b|^(attributes|groups) is\b")

_SPENT = re.compile(r"The budget of (\d+) requests in (\d+) s is spent: ")


def describe_error(error: BaseException) -> str:
    """Return an error's text, also where it quotes others, with options in place of arguments."""
    if isinstance(error, BatchError) and all(isinstance(each, RateLimitError) for each in error.errors):
        # The table of outcomes has the counts of items.
        error = next(iter(error.errors), error)
    if isinstance(error, RateLimitError):
        return _describe_rate_limit(error)
    text = str(error)
    if not isinstance(error, ExistAsyncError):
        return text
    if isinstance(error, MirrorError):
        for words, command in _MIRROR_CALLS.items():
            text = text.replace(words, command)
    text = _ARGUMENT.sub(lambda match: _NAMES[match[0]], text)
    quoted = error.errors if isinstance(error, BatchError) else (error.__cause__,)
    for each in quoted:
        if isinstance(each, ExistAsyncError):
            text = text.replace(str(each), describe_error(each))
    return text


def _describe_rate_limit(error: RateLimitError) -> str:
    if error.status_code is None:
        spent = _SPENT.match(str(error))
        reason = "the requests that are allowed for now are used up"
        if spent is not None:
            reason = Budget(int(spent[1]), int(spent[2])).used_up
    else:
        detail = f": {error.detail.removesuffix('.')}" if error.detail else ""
        reason = f"the service accepts no more requests of this user for now ({error.status_code}{detail})"
    return f"{reason}. Try again {_describe_delay(error.retry_after)}"


def _describe_delay(seconds: float | None) -> str:
    if seconds is None:
        return "later"
    return f"in {math.ceil(seconds)} s" if seconds < 120 else f"in {math.ceil(seconds / 60)} min"
