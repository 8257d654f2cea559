"""Signs a user in: shows the authorisation page, receives the callback, and exchanges its code for a token."""

import sys
import webbrowser
from contextlib import aclosing
from threading import Thread

from exist_async.auth import BearerToken
from exist_async.cli.callback_pages import sign_in_failed_page, signed_in_page
from exist_async.cli.callback_server import serve_redirect_uri
from exist_async.cli.callback_url import callback_problem, has_code, has_state
from exist_async.cli.inputs import STDIN, read_lines, require_stdin
from exist_async.cli.oauth_app import redirect_uri
from exist_async.cli.output import one_line, print_error
from exist_async.cli.questions import ask
from exist_async.cli.stored_login import StoredLogin
from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError, ExistAsyncError, OAuthError
from exist_async.oauth import OAuthApp
from exist_async.token_stores import OAuthToken

_NO_STATE = "The address contains no state, so it may come from somebody else's attempt to sign in"


class SignIn:
    """One attempt to sign in.

    Args:
        app: The app that requests access.
        page: Authorisation URL.
        state: State parameter in the authorisation URL.
        login: Where to store the token.
    """

    def __init__(self, app: OAuthApp, page: str, state: str, login: StoredLogin) -> None:
        self._app = app
        self._page = page
        self._state = state
        self._login = login

    async def with_browser(self) -> OAuthToken:
        """Open a browser, wait for its callback, and store the token.

        Raises:
            ConfigurationError: The redirect URI does not lead to this machine, or its port can't be opened.
            OAuthError: The user denied access, or the service refused or failed.
        """
        uri = redirect_uri()
        async with serve_redirect_uri(uri, self._state) as callbacks:
            _print_instructions(
                f"Your browser opens this page; allow access there:\n\n  {self._page}\n\nWaiting for the browser to "
                f"return to {uri}. If it runs on another machine, press Ctrl-C and add --paste."
            )
            # In a thread: the command in BROWSER may not return before its window is closed.
            Thread(target=webbrowser.open, args=(self._page,), daemon=True, name="browser").start()
            while True:
                received = await callbacks.get()
                try:
                    token = await self._exchange(received.url)
                except ExistAsyncError as error:
                    await received.respond(sign_in_failed_page(error))
                    if has_state(received.url) or not STDIN.is_interactive:
                        raise
                    # Any web page can cause a callback without a state.
                    print_error(error)
                    _print_instructions("Still waiting for the browser.")
                else:
                    await received.respond(signed_in_page(self._login.origin))
                    return token

    async def with_pasted_address(self) -> OAuthToken:
        """Read the address that the browser was redirected to from standard input, and store the token.

        Raises:
            ConfigurationError: The address is not a valid callback.
            OAuthError: The user denied access, or the service refused or failed.
        """
        require_stdin("address")
        _print_instructions(
            f"Open this page in a browser, and allow access there:\n\n  {self._page}\n\nThe browser is then redirected "
            f"to {redirect_uri()}… and may report that it can't be reached. Copy the whole address anyway."
        )
        return await self._exchange(await self._read_address())

    async def _read_address(self) -> str:
        """Return the first valid callback; in a terminal, prompt again after an invalid one."""
        is_interactive = STDIN.is_interactive
        if is_interactive:
            _print_prompt()
        problem: str | None = "It is empty."
        async with aclosing(read_lines()) as lines:
            async for line in lines:
                address = line.decode(errors="replace").strip()
                if not (address or is_interactive):
                    continue
                problem = callback_problem(address, self._state)
                if problem is None:
                    return address
                if not is_interactive:
                    break
                print_error(f"This address can't be used. {problem}")
                _print_prompt()
        raise ConfigurationError(f"This address can't be used; nothing was stored. {problem}")

    async def _exchange(self, callback: str) -> OAuthToken:
        verified = has_state(callback)
        if has_code(callback) and not verified and not STDIN.is_interactive:
            raise OAuthError(
                f"{_NO_STATE}; nothing was stored. Give the whole address if you gave only its code. If the address "
                "has none, run this command in a terminal, where it asks you whether the account is yours."
            )
        try:
            token = await self._app.exchange(callback, state=self._state if verified else None)
        except OAuthError as error:
            if error.code is None or error.status_code is not None:
                raise
            # The error was in the redirect; its original message addresses programmers.
            raise OAuthError(f"{_describe_refusal(error)}. Nothing was stored.", code=error.code) from error
        if not verified:
            await self._confirm(token)
        await self._login.store.save(self._login.origin, token)
        return token

    async def _confirm(self, token: OAuthToken) -> None:
        """Ask the user whether a token is for their own account; raise OAuthError if it is not."""
        async with ExistClient(BearerToken(token.access_token), base_url=self._login.origin) as exist:
            profile = await exist.profile.get()
        if not profile.username:
            raise OAuthError(
                f"{_NO_STATE}, and its profile has no username by which you could check. Nothing was stored."
            )
        print_error(f"{_NO_STATE}. It signs you in as {profile.username} at {self._login.origin}.")
        if not await ask("Is that your account?"):
            raise OAuthError(f"You did not confirm that {one_line(profile.username)} is you. Nothing was stored.")


def _print_instructions(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print_prompt() -> None:
    print("Paste the address here: ", end="", file=sys.stderr, flush=True)


def _describe_refusal(error: OAuthError) -> str:
    if error.code == "access_denied":
        return "You denied access"
    return f"The service refused with {error.code}: {error.description or 'no reason given'}".removesuffix(".")
