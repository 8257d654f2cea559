"""A call and a visit: a request with a token and one without, as the endpoints see them."""

import math
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec
from starlette.requests import Request

from exist_async.sandbox.recorder import Recorder
from exist_async.sandbox.replies import refuse
from exist_async.sandbox.settings import Settings
from exist_async.sandbox.tokens import AccessToken
from exist_async.sandbox.world import World

__all__ = ["Call", "Visit", "form_of"]


@attrs.frozen
class Call:
    """A request whose token is known and whose body has been read."""

    request: Request
    body: bytes
    token: AccessToken
    settings: Settings

    @property
    def url(self) -> str:
        """The absolute URL that was called, query included."""
        return str(self.request.url)

    def parameter(self, name: str) -> str | None:
        """Return a parameter of the query, the last if it is there more than once."""
        return self.request.query_params.get(name)

    def flag(self, name: str) -> bool:
        """Whether a flag is set: its presence counts, whatever its value."""
        return name in self.request.query_params

    def listed(self, name: str) -> frozenset[str]:
        """Return the parts of a comma-separated parameter; none of them means no filter."""
        parts = (part.strip() for part in self.request.query_params.get(name, "").split(","))
        return frozenset(part for part in parts if part)

    def json(self) -> Any:
        """Decode the body.

        Raises:
            ApiError: 415 when it is declared as something else than JSON (it may be undeclared), 400 when it is none.
        """
        content_type = self.request.headers.get("content-type", "application/json")
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise refuse(415, f'Unsupported media type "{content_type}" in request.')
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise refuse(400, f"JSON parse error - {error}") from error


@attrs.frozen
class Visit:
    """A request that needs no token, and what its answer is made from."""

    request: Request
    form: Mapping[str, str] = attrs.field(repr=False)
    world: World
    recorder: Recorder
    settings: Settings


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a URL-encoded form, whose body has been read; any other body has none."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        return {}
    # No limits beside those of the body, which is in memory already.
    form = await request.form(max_fields=math.inf, max_part_size=len(await request.body()))
    return {name: value for name, value in form.items() if isinstance(value, str)}
