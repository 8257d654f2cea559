"""Says how to use a sandbox that is served."""

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exist_async.sandbox import Service

__all__ = ["use_attio", "use_exist"]


def use_exist(url: str, token: str, service: "Service") -> str:
    """Return what people are told about an Exist."""
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


def use_attio(url: str, token: str) -> str:
    """Return what people are told about an Attio."""
    return f"""\
An Attio in memory, until Ctrl-C
  URL      {url}
  token    {token}
  objects  people, companies, deals
  lists    sales, hiring

In another terminal:
  curl -H "Authorization: Bearer {token}" {url}/v2/objects/people/attributes

In Python the URL is given as base_url:
  from exist_async.attio import AttioClient

  async with AttioClient("{token}", base_url="{url}") as attio:
      async for attribute in attio.attributes.list("objects", "people"):
          print(attribute.title)
"""
