"""Scripts of a service that carries requests out, and answers them badly."""

import asyncio

from faults.server import JSON, Script, Talk

EVE = b'{"username":"eve"}'
CHUNKED = b"HTTP/1.1 200 OK\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n"


def sending(answer: bytes) -> Script:
    """Return a script that carries a request out, sends some bytes, and hangs up."""

    async def send(talk: Talk) -> None:
        await talk.applied()
        await talk.send(answer)

    return send


def stalling(answer: bytes) -> Script:
    """Return a script that carries a request out, sends some bytes, and nothing more."""

    async def stall(talk: Talk) -> None:
        await talk.applied()
        await talk.send(answer)
        await talk.hang_up_waited_for()

    return stall


def endless(start: bytes, more: bytes, pause: float = 0.0) -> Script:
    """Return a script that carries a request out, and sends for ever."""

    async def send(talk: Talk) -> None:
        await talk.applied()
        await talk.send(start)
        while True:
            await talk.send(more)
            await asyncio.sleep(pause)

    return send
