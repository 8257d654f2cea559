"""HTML pages: rendering from the templates in `html/`, and the front page at `/`."""

from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from exist_async.sandbox.calls import PublicCall
from exist_async.sandbox.replies import ApiError, Reply
from exist_async.sandbox.value_types import describe_value_type

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["FRONT_PATH", "HtmlError", "html_reply", "show_front_page"]

FRONT_PATH: Final = "/"

_REQUESTS_SHOWN: Final = 30


class HtmlError(ApiError):
    """Raised to answer a request with an HTML error page, status 400."""

    def __init__(self, message: str) -> None:
        super().__init__(html_reply("error.html", 400, message=message))
        self.message = message


def show_front_page(call: PublicCall) -> Reply:
    """Answer `/`: usage, users with their attributes, services, and the latest requests, without secrets."""
    return html_reply(
        "front_page.html",
        url=str(call.request.base_url).rstrip("/"),
        users=call.state.users,
        services=call.state.services,
        requests=call.recorder.latest(_REQUESTS_SHOWN, exclude_path=FRONT_PATH),
        describe_value_type=describe_value_type,
        unquote=unquote,
    )


def html_reply(template: str, status: int = 200, **context: object) -> Reply:
    """Return a reply with a rendered template; values from the context are escaped."""
    body = _environment().get_template(template).render(context).encode()
    # In a frame of another site's page, a user could be made to press Allow unseen.
    return Reply(status, body, {"content-type": "text/html; charset=utf-8", "x-frame-options": "DENY"})


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
