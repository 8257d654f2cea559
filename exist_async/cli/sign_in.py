"""One attempt to sign in: shows the page, gets what the browser comes back with, and trades it for a token."""

import sys
import webbrowser
from contextlib import aclosing
from threading import Thread

from exist_async.cli.apps import redirect_uri
from exist_async.cli.callback_pages import not_signed_in, signed_in
from exist_async.cli.callback_server import listening
from exist_async.cli.callback_url import has_state, problem_of
from exist_async.cli.logins import Login
from exist_async.cli.stdin import is_typed, lines, need_stdin
from exist_async.cli.text import complain
from exist_async.errors import ConfigurationError, ExistAsyncError, OAuthError
from exist_async.oauth import OAuthApp
from exist_async.token_stores import OAuthToken


class SignIn:
    """An attempt to sign in.

    Args:
        app: The app that asks.
        page: Its authorisation URL.
        state: The state in that.
        login: Where the token goes.
    """

    def __init__(self, app: OAuthApp, page: str, state: str, login: Login) -> None:
        self._app = app
        self._page = page
        self._state = state
        self._login = login

    async def by_browser(self) -> OAuthToken:
        """Open a browser, wait for it to come back, and store the token.

        Raises:
            ConfigurationError: It can't come back to this program.
            OAuthError: The user or the service said no, or something went wrong.
        """
        uri = redirect_uri()
        async with listening(uri, self._state) as visiting:
            _say(
                f"Your browser opens this page. Allow it there:\n\n  {self._page}\n\nWaiting for the browser to come "
                f"back to {uri}. If it is on another machine, press Ctrl-C and add --paste."
            )
            # What BROWSER names may return only when its window is closed.
            Thread(target=webbrowser.open, args=(self._page,), daemon=True, name="browser").start()
            visit = await visiting
            try:
                token = await self._trade(visit.url)
            except ExistAsyncError as error:
                await visit.answer(not_signed_in(error))
                raise
            await visit.answer(signed_in(self._login.origin))
            return token

    async def by_pasting(self) -> OAuthToken:
        """Have the address read from standard input that the browser ended up at, and store the token.

        Raises:
            ConfigurationError: It is no such address.
            OAuthError: The user or the service said no, or something went wrong.
        """
        need_stdin("addresses")
        _say(
            f"Open this page in a browser, and allow it there:\n\n  {self._page}\n\nThe browser ends up at "
            f"{redirect_uri()}… and may say that nothing is there. Copy that whole address all the same."
        )
        return await self._trade(await self._pasted())

    async def _pasted(self) -> str:
        """Return an address without a problem; who pastes another one into a terminal is asked again."""
        typed = is_typed()
        if typed:
            _ask()
        problem: str | None = "It is empty."
        async with aclosing(lines()) as given:
            async for line in given:
                address = line.decode(errors="replace").strip()
                if not (address or typed):
                    continue
                problem = problem_of(address, self._state)
                if problem is None:
                    return address
                if not typed:
                    break
                complain(f"That can't be used. {problem}")
                _ask()
        raise ConfigurationError(f"That address can't be used: nothing was stored. {problem}")

    async def _trade(self, callback: str) -> OAuthToken:
        stated = has_state(callback)
        if not stated:
            complain("no state came back to compare; it is taken for yours, since you have just begun this")
        try:
            token = await self._app.exchange(callback, state=self._state if stated else None)
        except OAuthError as error:
            if error.code is None or error.status_code is not None:
                raise
            # It was in the redirect, and its words are for those who write programs.
            raise OAuthError(f"{_refusal(error)}. Nothing was stored.", code=error.code) from error
        await self._login.store.save(self._login.origin, token)
        return token


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _ask() -> None:
    print("Paste it here: ", end="", file=sys.stderr, flush=True)


def _refusal(error: OAuthError) -> str:
    if error.code == "access_denied":
        return "You said no"
    return f"The service refused with {error.code}: {error.description or 'it did not say why'}".removesuffix(".")
