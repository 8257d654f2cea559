"""The command `sandbox`."""

import asyncio
import math
import shlex
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

from cyclopts import CycloptsError, Parameter
from cyclopts.validators import Number

from exist_async.cli.extras import need
from exist_async.cli.text import complain

if TYPE_CHECKING:
    from exist_async.sandbox import Service


async def sandbox(
    *,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8765,
    latency: Annotated[float, Parameter(validator=Number(gte=0, lt=math.inf))] = 0.0,
    rate_limit: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    redirect_uri: str = "http://localhost:8000/",
    sample: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> int:
    """Serve an Exist in memory on this machine, until Ctrl-C.

    Args:
        port: Where on 127.0.0.1 to serve; 0 takes any that is free.
        latency: Seconds that every request waits before it is handled.
        rate_limit: Requests that the token has in any hour, 300 at Exist itself; without it there is no limit.
        redirect_uri: Where the browsers of people who sign in come back to, letter by letter as your program has it.
        sample: Begin with a year of plausible values up to today, correlations and insights.
    """
    need("all", "jinja2", "python_multipart", "starlette", "uvicorn", what="the sandbox")
    from exist_async.sandbox import Sandbox

    try:
        served = Sandbox(latency=latency, rate_limit=rate_limit, redirect_uri=redirect_uri)
    except ValueError as error:
        raise CycloptsError(str(error)) from error
    if sample:
        served.add_sample()
    async with AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(served.serve(port=port))
        except OSError as error:
            complain(f"port {port} can't be had ({error.strerror}): choose another with --port, or 0 for any free one")
            return 1
        print(_how_to_use(url, served.token, served.service), flush=True)
        await asyncio.Event().wait()
    return 0


def _how_to_use(url: str, token: str, service: "Service") -> str:
    return f"""\
An Exist in memory, until Ctrl-C
  URL            {url}
  token          {token}
  client ID      {service.client_id}
  client secret  {service.client_secret}
  redirect URI   {service.redirect_uri}

In a browser the URL shows what is in it.

For the command line, in another terminal:
  export EXIST_BASE_URL={url}
  export EXIST_TOKEN={token}
  exist-async acquire steps mood
  exist-async owned

Or sign in there, as with an app of your own:
  export EXIST_BASE_URL={url}
  export EXIST_CLIENT_ID={service.client_id} EXIST_CLIENT_SECRET={service.client_secret}
  export EXIST_REDIRECT_URI={shlex.quote(service.redirect_uri)}
  exist-async login

In Python the URL is given as base_url; EXIST_BASE_URL is for the command line alone:
  async with ExistClient("{token}", base_url="{url}") as exist:
      await exist.attributes.acquire(["steps", "mood"])

To sign users in there, the app is given it as well:
  app = OAuthApp("{service.client_id}", "{service.client_secret}", "{service.redirect_uri}", base_url="{url}")
"""
