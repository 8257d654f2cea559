"""The app that people sign in with: its client id and secret, from the environment or asked for."""

import os
import sys
from getpass import getpass

from exist_async.cli.logins import page_of
from exist_async.errors import ConfigurationError
from exist_async.oauth import OAuthApp


def redirect_uri() -> str:
    """Return where the browser comes back to, as it is registered with the app."""
    return _environment("EXIST_REDIRECT_URI") or "http://localhost:8000/"


def app_of_environment(base_url: str) -> OAuthApp | None:
    """Return the app of EXIST_CLIENT_ID and EXIST_CLIENT_SECRET; None unless both are set.

    Raises:
        ConfigurationError: One of them, the redirect URI or the URL of the service is wrong.
    """
    client_id, client_secret = _environment("EXIST_CLIENT_ID"), _environment("EXIST_CLIENT_SECRET")
    if not (client_id and client_secret):
        return None
    return OAuthApp(client_id, client_secret, redirect_uri(), base_url=base_url)


def app_of_person(base_url: str) -> OAuthApp:
    """Return the app of the environment, and ask in the terminal for what is missing there.

    Raises:
        ConfigurationError: Something is missing, and nobody is there to ask; or it is wrong.
    """
    client_id, client_secret = _environment("EXIST_CLIENT_ID"), _environment("EXIST_CLIENT_SECRET")
    if not (client_id and client_secret):
        if sys.stdin is None or not sys.stdin.isatty():  # pyright: ignore[reportUnnecessaryComparison]
            raise ConfigurationError(
                "Set EXIST_CLIENT_ID and EXIST_CLIENT_SECRET: there is no terminal to ask for them. Copy both from "
                f"{page_of(base_url)}"
            )
        print(f"Copy the client ID and the client secret from {page_of(base_url)}.", file=sys.stderr)
    return OAuthApp(
        client_id or _ask("Client ID: "),
        client_secret or _ask_hidden("Client secret (not shown): "),
        redirect_uri(),
        base_url=base_url,
    )


def _environment(name: str) -> str:
    return os.environ.get(name, "").strip()


def _ask(prompt: str) -> str:
    # Unlike `input`, which would write the prompt to standard output.
    print(prompt, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _ask_hidden(prompt: str) -> str:
    try:
        return getpass(prompt).strip()
    except EOFError:
        # Ctrl-D: it is empty, and whoever needs it says so.
        return ""
