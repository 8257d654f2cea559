"""Looks at the address that a browser comes back to: is it the end of this attempt to sign in?"""

import re
import secrets
from urllib.parse import parse_qs, urlsplit

_CODE = re.compile(r"[!-~]{1,200}")


def problem_of(callback: str, state: str) -> str | None:
    """Return what is wrong with an address, or None where it ends the attempt, with a yes or a no.

    Args:
        callback: The URL, or its path and query, or a code alone.
        state: The state of the attempt. An address without one may be right: that Exist passes it on is not documented.
    """
    if not callback:
        return "It is empty."
    if _is_bare_code(callback):
        return None if _CODE.fullmatch(callback) else "It is neither a URL nor a code."
    try:
        query = _query(callback)
    except ValueError:
        return "It is no valid URL."
    if any(len(query.get(name, [])) > 1 for name in ("code", "error", "state")):
        return "It says the same thing twice."
    if not any(query.get("code", []) + query.get("error", [])):
        return "It holds neither a code nor an error: it is not where signing in ends."
    if "state" in query and not secrets.compare_digest(query["state"][0].encode(), state.encode()):
        return "It belongs to another attempt to sign in."
    return None


def has_state(callback: str) -> bool:
    """Whether an address without a problem names the attempt that it belongs to."""
    return not _is_bare_code(callback) and "state" in _query(callback)


def _is_bare_code(callback: str) -> bool:
    return "://" not in callback and "?" not in callback


def _query(callback: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(callback).query, keep_blank_values=True)
