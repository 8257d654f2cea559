"""Runs the app in process, behind httpx's transport interface."""

import httpx
from starlette.types import ASGIApp

from exist_async.sandbox.faults import ConnectionDropped

__all__ = ["InProcessTransport"]


class InProcessTransport(httpx.ASGITransport):
    """httpx's own, with a dropped connection in the terms in which httpx reports one at a socket."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request.

        Raises:
            httpx.RemoteProtocolError: A fault cut the connection.
        """
        try:
            return await super().handle_async_request(request)
        except ConnectionDropped as error:
            raise httpx.RemoteProtocolError(str(error), request=request) from error
