"""The client that the commands speak with."""

import os
from typing import Annotated

from cyclopts import Parameter

from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError

BaseUrl = Annotated[
    str, Parameter(env_var="EXIST_BASE_URL", help="The origin of the service: Exist itself, or a sandbox.")
]


def connect(base_url: str) -> ExistClient:
    """Return a client with the token that the environment holds.

    Raises:
        ConfigurationError: The environment holds none, or the URL is wrong.
    """
    token = os.environ.get("EXIST_TOKEN", "").strip()
    if not token:
        raise ConfigurationError(
            "EXIST_TOKEN is not set. Copy the access token from your app's page (https://exist.io/account/apps/), and: "
            "export EXIST_TOKEN=your-access-token"
        )
    return ExistClient(token, base_url=base_url)
