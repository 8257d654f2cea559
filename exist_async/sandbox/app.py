"""The ASGI app: takes a request through recording, faults, latency, token, throttle and endpoint, in this order."""

import asyncio
from collections.abc import Callable
from typing import Final, Literal

import attrs
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from exist_async.sandbox.calls import Call
from exist_async.sandbox.creation import create_attributes
from exist_async.sandbox.faults import FaultPlan
from exist_async.sandbox.listing import list_attributes, list_owned
from exist_async.sandbox.ownership import acquire_attributes, release_attributes
from exist_async.sandbox.profile import show_profile
from exist_async.sandbox.recorder import Recorder
from exist_async.sandbox.replies import ApiError, Reply, refuse
from exist_async.sandbox.templates import list_templates
from exist_async.sandbox.throttle import Throttle
from exist_async.sandbox.tokens import AccessToken
from exist_async.sandbox.world import World

__all__ = ["App"]


@attrs.frozen
class Endpoint:
    """What answers at a path, and to which method."""

    method: Literal["GET", "POST"]
    answer: Callable[[Call], Reply]


_API: Final = "/api/2/"

ENDPOINTS: Final = {
    f"{_API}accounts/profile/": Endpoint("GET", show_profile),
    f"{_API}attributes/": Endpoint("GET", list_attributes),
    f"{_API}attributes/owned/": Endpoint("GET", list_owned),
    f"{_API}attributes/templates/": Endpoint("GET", list_templates),
    f"{_API}attributes/create/": Endpoint("POST", create_attributes),
    f"{_API}attributes/acquire/": Endpoint("POST", acquire_attributes),
    f"{_API}attributes/release/": Endpoint("POST", release_attributes),
}


class App:
    """The ASGI app of a sandbox; `latency` may be set at any time."""

    def __init__(
        self, world: World, throttle: Throttle, faults: FaultPlan, recorder: Recorder, *, page_size: int
    ) -> None:
        self.latency = 0.0
        self._world = world
        self._throttle = throttle
        self._faults = faults
        self._recorder = recorder
        self._page_size = page_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request.

        Raises:
            ConnectionDropped: A fault wants the connection cut; the server or transport around the app does it.
        """
        if scope["type"] != "http":
            raise NotImplementedError(f"The sandbox speaks HTTP only, not {scope['type']}")
        request = Request(scope, receive)
        token = self._world.token_of(request.headers.get("authorization"))
        # Both before the first await: the order of arrival decides about the faults.
        recording = self._recorder.receive(scope, None if token is None else token.user.username)
        fault = self._faults.take(scope["path"])
        try:
            recording.body = await request.body()
        except ClientDisconnect:
            return
        if self.latency:
            await asyncio.sleep(self.latency)

        def handle() -> Reply:
            try:
                return self._answer(request, recording.body, token)
            except ApiError as error:
                return error.reply

        reply = handle() if fault is None else fault.apply(handle)
        recording.status = reply.status
        await Response(reply.body, reply.status, reply.headers)(scope, receive, send)

    def _answer(self, request: Request, body: bytes, token: AccessToken | None) -> Reply:
        path = request.scope["path"]
        endpoint = ENDPOINTS.get(path)
        if endpoint is None:
            return _elsewhere(request, path)
        if token is None:
            raise self._world.no_token(request.headers.get("authorization"))
        if token.service is None and request.method != "GET":
            raise refuse(403, "You do not have permission to perform this action.")
        wait = self._throttle.admit(token.value)
        if wait is not None:
            seconds = f"{wait} second" if wait == 1 else f"{wait} seconds"
            headers = {"retry-after": str(wait)}
            raise refuse(429, f"Request was throttled. Expected available in {seconds}.", headers)
        # Last, as in Django REST framework: a wrong method needs a token, and is counted.
        if request.method != endpoint.method:
            raise refuse(405, f'Method "{request.method}" not allowed.', {"allow": endpoint.method})
        return endpoint.answer(Call(request, body, token, self._page_size))


def _elsewhere(request: Request, path: str) -> Reply:
    if f"{path}/" not in ENDPOINTS:
        raise refuse(404, "Not found.")
    query = request.url.query
    return Reply(301, headers={"location": f"{path}/?{query}" if query else f"{path}/"})
