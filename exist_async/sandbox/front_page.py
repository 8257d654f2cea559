"""Shows people what is in the sandbox: `/`."""

from typing import Final
from urllib.parse import unquote

from exist_async.sandbox.calls import Visit
from exist_async.sandbox.rendering import html_reply
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.value_types import describe

__all__ = ["FRONT", "show_front_page"]

FRONT: Final = "/"

_REQUESTS: Final = 30


def show_front_page(visit: Visit) -> Reply:
    """Answer `/`: how to get in, users with their attributes, services, and the latest requests; no secrets."""
    return html_reply(
        "front.html",
        url=str(visit.request.base_url).rstrip("/"),
        users=visit.world.users,
        services=visit.world.services,
        requests=visit.recorder.latest(_REQUESTS, but=FRONT),
        describe=describe,
        readable=unquote,
    )
