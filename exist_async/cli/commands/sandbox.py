"""The command `sandbox`."""

import asyncio
import math
import shlex
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import CycloptsError, Parameter
from cyclopts.validators import Number

from exist_async.cli.extras import require_packages
from exist_async.cli.options import Flag
from exist_async.errors import ConfigurationError

if TYPE_CHECKING:
    from exist_async.sandbox import AttioSandbox, Sandbox, Service

_REDIRECT_URI: Final = "http://localhost:8000/"


async def sandbox(
    *,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8765,
    latency: Annotated[float, Parameter(validator=Number(gte=0, lt=math.inf))] = 0.0,
    rate_limit: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    period: Annotated[float | None, Parameter(validator=Number(gt=0, lt=math.inf))] = None,
    redirect_uri: str = _REDIRECT_URI,
    sample: Flag = False,
    attio: Flag = False,
) -> None:
    """Serve an in-memory Exist or Attio on this machine, until Ctrl-C.

    Args:
        port: Port on 127.0.0.1; 0 takes any free one.
        latency: Seconds that every request waits before it is handled.
        rate_limit: Requests allowed in any hour (Exist itself: 300); with --attio, reads and writes allowed in any
            second (Attio itself: 100 and 25). By default unlimited.
        period: Seconds in which --rate-limit requests are allowed, in place of an hour.
        redirect_uri: Redirect URI of the sandbox's app; it must match the one in your program exactly.
        sample: Start with a year of sample values up to today, correlations and insights.
        attio: Serve Attio instead of Exist, with the attributes of a few objects and lists.
    """
    require_packages("all", "jinja2", "python_multipart", "starlette", "uvicorn", feature="the sandbox")
    if attio:
        options = {"--sample": sample, "--redirect-uri": redirect_uri != _REDIRECT_URI, "--period": period is not None}
        for option, is_given in options.items():
            if is_given:
                raise CycloptsError(f"{option} can't be combined with --attio")
        await _serve_attio(port, latency, rate_limit)
        return
    if period is not None and rate_limit is None:
        raise CycloptsError("--period is the time in which --rate-limit requests are allowed: add --rate-limit 300")
    from exist_async.sandbox import Sandbox

    try:
        served = Sandbox(latency=latency, rate_limit=rate_limit, redirect_uri=redirect_uri)
    except ValueError as error:
        raise CycloptsError(str(error).replace("redirect_uri", "--redirect-uri")) from error
    if period is not None:
        served.rate_period = period
    if sample:
        served.add_sample()
    await _serve(served, port, lambda url: _exist_instructions(url, served.token, served.service))


async def _serve_attio(port: int, latency: float, rate_limit: int | None) -> None:
    from exist_async.sandbox import AttioSandbox

    served = AttioSandbox(latency=latency, read_limit=rate_limit, write_limit=rate_limit)
    await _serve(served, port, lambda url: _attio_instructions(url, served.token))


async def _serve(served: "Sandbox | AttioSandbox", port: int, instructions: Callable[[str], str]) -> None:
    async with AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(served.serve(port=port))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} can't be opened ({error.strerror}): choose another one with --port, or any free one with "
                "--port 0"
            ) from error
        print(instructions(url), flush=True)
        await asyncio.Event().wait()


def _exist_instructions(url: str, token: str, service: "Service") -> str:
    return f"""\
Exist sandbox, in memory; press Ctrl-C to stop it
  URL            {url}
  token          {token}
  client ID      {service.client_id}
  client secret  {service.client_secret}
  redirect URI   {service.redirect_uri}

Open the URL in a browser to see the sandbox's data.

To use it from the command line, in another terminal:
  export EXIST_BASE_URL={url}
  export EXIST_TOKEN={token}
  exist-async acquire steps mood
  exist-async owned

Or sign in, as with an app of your own:
  export EXIST_BASE_URL={url}
  export EXIST_CLIENT_ID={service.client_id} EXIST_CLIENT_SECRET={service.client_secret}
  export EXIST_REDIRECT_URI={shlex.quote(service.redirect_uri)}
  exist-async login

To use it from Python, with EXIST_BASE_URL as above, or with base_url="{url}":
  async with ExistClient("{token}") as exist:
      await exist.attributes.acquire(["steps", "mood"])

To sign users in:
  app = OAuthApp("{service.client_id}", "{service.client_secret}", "{service.redirect_uri}")
"""


def _attio_instructions(url: str, token: str) -> str:
    return f"""\
Attio sandbox, in memory; press Ctrl-C to stop it
  URL      {url}
  token    {token}
  objects  people, companies, deals
  lists    sales, hiring

To try it, in another terminal:
  curl -H "Authorization: Bearer {token}" {url}/v2/objects/people/attributes

To use it from Python, pass the URL as base_url:
  from exist_async.attio import AttioClient

  async with AttioClient("{token}", base_url="{url}") as attio:
      async for attribute in attio.attributes.list("objects", "people"):
          print(attribute.title)
"""
