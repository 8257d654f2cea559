"""The client that the commands speak with."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from cyclopts import Parameter

from exist_async.cli.credentials import find_credentials
from exist_async.client import ExistClient
from exist_async.errors import AuthenticationError, BatchError, ExistAsyncError, ReauthorizationRequired

BaseUrl = Annotated[
    str, Parameter(env_var="EXIST_BASE_URL", help="The origin of the service: Exist itself, or a sandbox.")
]


@asynccontextmanager
async def connect(base_url: str) -> AsyncGenerator[ExistClient, None]:
    """Give a client with the token of the environment, or with the one that signing in left behind.

    Raises:
        ConfigurationError: There is neither, or the URL is wrong.
        ReauthorizationRequired: In the block the service refused the token. It says what to do.
        OAuthError: The stored token can't be read or renewed.
    """
    credentials = await find_credentials(base_url)
    async with ExistClient(credentials.auth, base_url=base_url) as exist:
        try:
            yield exist
        except ReauthorizationRequired as error:
            # Its own words are for those who write programs.
            raise ReauthorizationRequired(
                f"The stored token can't be renewed any more. {credentials.remedy}"
            ) from error
        except ExistAsyncError as error:
            if not _is_refusal(error):
                raise
            raise ReauthorizationRequired(f"{error} {credentials.remedy}") from error


def _is_refusal(error: Exception) -> bool:
    if isinstance(error, BatchError):
        return any(map(_is_refusal, error.errors))
    return isinstance(error, AuthenticationError | ReauthorizationRequired)
