"""HTML pages: rendering from the templates in `html/`, with headers that forbid scripts, frames and foreign content."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from exist_async.sandbox.replies import ApiError, Reply
from exist_async.sandbox.value_text import shorten

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["FRONT_PATH", "MAX_USERS_LISTED", "HtmlError", "html_reply"]

FRONT_PATH: Final = "/"

MAX_USERS_LISTED: Final = 12
"""Number of users up to which pages list them all; beyond, a field takes the username."""

# Also the icon of the browser's tab, to which the style sheet does not apply.
_ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" aria-hidden="true">'
    '<path d="M3 17l5-7 4 4 8-9" fill="none" stroke="#6b83f2" stroke-width="2.5" stroke-linecap="round"/></svg>'
)


class HtmlError(ApiError):
    """Raised to answer a request with an HTML error page, status 400.

    Args:
        message: The fault, in one sentence.
        remedy: The step that the developer of the app, or the user, can take to remove the fault.
        facts: The values that were sent and expected, by description; None or an empty text for nothing.
    """

    def __init__(self, message: str, remedy: str, facts: Mapping[str, str | None] | None = None) -> None:
        super().__init__(html_reply("error.html", 400, message=message, remedy=remedy, facts=facts or {}))
        self.message = message


def html_reply(template: str, status: int = 200, **context: object) -> Reply:
    """Return a reply with a rendered template; values from the context are escaped."""
    text = _environment().get_template(template).render(context, style=_style(), icon=_ICON)
    # Labels that were set in Python may contain half of a surrogate pair.
    return Reply(status, text.encode(errors="replace"), _headers())


@cache
def _headers() -> dict[str, str]:
    style = b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return {
        "content-type": "text/html; charset=utf-8",
        # Without form-action, which browsers apply to the redirect to the app as well.
        "content-security-policy": (
            f"default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
        ),
        # In a frame of another site's page, a user could be made to press Allow unseen.
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        # The URL of the authorisation page contains the `state` of the app.
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
    }


@cache
def _style() -> str:
    return (files("exist_async.sandbox") / "html" / "style.css").read_text(encoding="utf-8")


@cache
def _environment() -> "Environment":
    # jinja2 takes a tenth of a second to import, and the API does not need it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("exist_async.sandbox", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Without Any, pyright takes the types of jinja2's own filters for those of all.
    filters: Any = environment.filters
    filters["shorten"] = shorten
    return environment
