"""The command `sandbox`."""

import asyncio
import math
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import CycloptsError, Parameter
from cyclopts.validators import Number

from exist_async.cli.extras import need
from exist_async.cli.sandbox_hints import use_attio, use_exist
from exist_async.cli.text import complain

if TYPE_CHECKING:
    from exist_async.sandbox import AttioSandbox, Sandbox

_REDIRECT_URI: Final = "http://localhost:8000/"


async def sandbox(
    *,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8765,
    latency: Annotated[float, Parameter(validator=Number(gte=0, lt=math.inf))] = 0.0,
    rate_limit: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    redirect_uri: str = _REDIRECT_URI,
    sample: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    attio: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> int:
    """Serve an Exist, or an Attio, in memory on this machine, until Ctrl-C.

    Args:
        port: Where on 127.0.0.1 to serve; 0 takes any that is free.
        latency: Seconds that every request waits before it is handled.
        rate_limit: Requests that the token has in any hour, 300 at Exist itself; with --attio reads, and as many
            writes, in any second, 100 and 25 at Attio itself. Without it there is no limit.
        redirect_uri: Where the browsers of people who sign in come back to, letter by letter as your program has it.
        sample: Begin with a year of plausible values up to today, correlations and insights.
        attio: Serve an Attio instead, with the attributes of a few objects and lists.
    """
    need("all", "jinja2", "python_multipart", "starlette", "uvicorn", what="the sandbox")
    if attio:
        if sample or redirect_uri != _REDIRECT_URI:
            unfit = "--sample" if sample else "--redirect-uri"
            raise CycloptsError(f"{unfit} is about Exist: it does not go with --attio")
        return await _serve_attio(port, latency, rate_limit)
    return await _serve_exist(port, latency, rate_limit, redirect_uri, sample=sample)


async def _serve_exist(port: int, latency: float, rate_limit: int | None, redirect_uri: str, *, sample: bool) -> int:
    from exist_async.sandbox import Sandbox

    try:
        served = Sandbox(latency=latency, rate_limit=rate_limit, redirect_uri=redirect_uri)
    except ValueError as error:
        raise CycloptsError(str(error)) from error
    if sample:
        served.add_sample()
    return await _serve(served, port, lambda url: use_exist(url, served.token, served.service))


async def _serve_attio(port: int, latency: float, rate_limit: int | None) -> int:
    from exist_async.sandbox import AttioSandbox

    served = AttioSandbox(latency=latency, read_limit=rate_limit, write_limit=rate_limit)
    return await _serve(served, port, lambda url: use_attio(url, served.token))


async def _serve(served: "Sandbox | AttioSandbox", port: int, hints: Callable[[str], str]) -> int:
    async with AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(served.serve(port=port))
        except OSError as error:
            complain(f"port {port} can't be had ({error.strerror}): choose another with --port, or 0 for any free one")
            return 1
        print(hints(url), flush=True)
        await asyncio.Event().wait()
    return 0
