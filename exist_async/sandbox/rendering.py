"""Renders the pages for people, from the templates in `html/`."""

from functools import cache
from typing import TYPE_CHECKING

from exist_async.sandbox.replies import ApiError, Reply

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["PageError", "html_reply"]


class PageError(ApiError):
    """Ends the handling of a request with a page that says what is wrong."""

    def __init__(self, problem: str) -> None:
        super().__init__(html_reply("problem.html", 400, problem=problem))
        self.problem = problem


def html_reply(template: str, status: int = 200, **context: object) -> Reply:
    """Return a reply with this page; everything in the context is escaped."""
    body = _environment().get_template(template).render(context).encode()
    return Reply(status, body, {"content-type": "text/html; charset=utf-8"})


@cache
def _environment() -> "Environment":
    # jinja2 takes a tenth of a second to import, and the API does not need it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("exist_async.sandbox", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
