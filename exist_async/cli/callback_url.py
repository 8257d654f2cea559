"""Checks the URL that a browser is redirected to at the end of signing in."""

import re
import secrets
from urllib.parse import parse_qs, urlsplit

from exist_async.oauth.callback import BARE_QUERY

_CODE = re.compile(r"[!-~]{1,200}")


def callback_problem(callback: str, state: str) -> str | None:
    """Return why a URL does not end this attempt to sign in; None if it does, with a code or with an error.

    Args:
        callback: The URL, its path and query, or an authorisation code alone.
        state: State parameter of the attempt. A URL without one is no problem here: it is undocumented whether Exist
            returns the state. Ask the user about it before its token is stored.
    """
    if not callback:
        return "It is empty."
    if _is_bare_code(callback):
        if BARE_QUERY.search(callback):
            return "It is only the end of the address: copy all of it, from http on."
        return None if _CODE.fullmatch(callback) else "It is neither a URL nor a code."
    try:
        query = _parse_query(callback)
    except ValueError:
        return "It is not a valid URL."
    if any(len(query.get(name, [])) > 1 for name in ("code", "error", "state")):
        return "It contains a parameter twice."
    if not any(query.get("code", []) + query.get("error", [])):
        return "It contains neither a code nor an error: it is not the address that signing in ends at."
    if "state" in query and not secrets.compare_digest(query["state"][0].encode(), state.encode()):
        return "It belongs to another attempt to sign in."
    return None


def has_state(callback: str) -> bool:
    """Whether a callback without a problem contains a state."""
    return not _is_bare_code(callback) and "state" in _parse_query(callback)


def has_code(callback: str) -> bool:
    """Whether a callback without a problem contains a code, not only an error."""
    return _is_bare_code(callback) or any(_parse_query(callback).get("code", []))


def _is_bare_code(callback: str) -> bool:
    return "://" not in callback and "?" not in callback


def _parse_query(callback: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(callback).query, keep_blank_values=True)
