"""The OAuth app that users sign in to: client ID and secret from the environment or from a prompt."""

import sys
from getpass import getpass

from exist_async._checks import environment_value
from exist_async.cli.stored_login import credentials_page
from exist_async.errors import ConfigurationError
from exist_async.oauth import OAuthApp


def redirect_uri() -> str:
    """Return the redirect URI registered with the app: EXIST_REDIRECT_URI, or its default."""
    return environment_value("EXIST_REDIRECT_URI") or "http://localhost:8000/"


def app_from_environment(base_url: str) -> OAuthApp | None:
    """Return the app of EXIST_CLIENT_ID and EXIST_CLIENT_SECRET; None unless both are set.

    Raises:
        ConfigurationError: One of them, the redirect URI or `base_url` is invalid.
    """
    client_id, client_secret = environment_value("EXIST_CLIENT_ID"), environment_value("EXIST_CLIENT_SECRET")
    if not (client_id and client_secret):
        return None
    return OAuthApp(client_id, client_secret, redirect_uri(), base_url=base_url)


def app_from_environment_or_prompt(base_url: str) -> OAuthApp:
    """Return the app of the environment, and prompt in the terminal for missing values.

    Raises:
        ConfigurationError: A value is missing and there is no terminal to prompt in, or a value is invalid.
    """
    client_id, client_secret = environment_value("EXIST_CLIENT_ID"), environment_value("EXIST_CLIENT_SECRET")
    if not (client_id and client_secret):
        if sys.stdin is None or not sys.stdin.isatty():  # pyright: ignore[reportUnnecessaryComparison]
            raise ConfigurationError(
                "Set EXIST_CLIENT_ID and EXIST_CLIENT_SECRET: there is no terminal to prompt for them. Copy both from "
                f"{credentials_page(base_url)}"
            )
        print(f"Copy the client ID and the client secret from {credentials_page(base_url)}.", file=sys.stderr)
    return OAuthApp(
        client_id or _prompt("Client ID: "),
        client_secret or _prompt_hidden("Client secret (not shown): "),
        redirect_uri(),
        base_url=base_url,
    )


def _prompt(prompt: str) -> str:
    # Not `input`, which would write the prompt to standard output.
    print(prompt, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _prompt_hidden(prompt: str) -> str:
    try:
        return getpass(prompt).strip()
    except EOFError:
        # Ctrl-D: an empty value, which OAuthApp refuses with a message of its own.
        return ""
