"""Posts the forms by which people and apps sign in: all of them hold secrets, and so do the answers."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, cast
from urllib.parse import quote_plus, urlencode

import httpx

from exist_async._http import attempt, retry
from exist_async._http.call import Call
from exist_async._http.deliveries import Sending
from exist_async._http.options import Options
from exist_async._http.pool import Pool
from exist_async._json import UnreadableError, decode
from exist_async.errors import ClientClosedError, ConnectionFailedError, NoAnswerError

_FORM = b"application/x-www-form-urlencoded"
_LONGEST_WORDS = 300


class Forms:
    """Posts forms to a service, unsigned. What was not sent is tried again; what was sent, only as `post` is told.

    Signing in is rare, so that each form has a connection of its own, which is closed after it. Nothing is quoted of
    what is sent, nor of the answers.

    Args:
        base_url: The service's origin.
        http_client: A caller's client to send with instead; it is never closed.
        sleep: Waits for some seconds.
        fraction: Gives random numbers from 0 to 1.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self,
        base_url: str,
        http_client: httpx.AsyncClient | None,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        self._options = Options(
            base_url=base_url,
            timeout=30.0,
            deadline=None,
            max_retries=2,
            concurrency=1,
            max_wait=0.0,
            rate_limiter=None,
            write_rate_limiter=None,
            on_event=None,
        )
        self._pool = None if http_client is None else Pool.of(http_client)
        self._sleep = sleep
        self._fraction = fraction

    async def post(self, path: str, form: Mapping[str, str], *, repeats: int = 0) -> httpx.Response:
        """Post a form, and return the answer, whatever it says.

        Args:
            path: The path on the service's origin.
            form: What to send.
            repeats: How often to send it again where no readable answer came, or a 408 or 5xx did.

        Raises:
            ConnectionFailedError: It was not sent.
            ClientClosedError: The caller's client is closed; it was not sent.
            NoAnswerError: It was sent, and no readable answer came, or it could not be sent again after that.
        """
        call = Call("POST", path, body=urlencode(form).encode(), repeatable=False, content_type=_FORM)
        if self._pool is not None:
            return await self._exchange(self._pool, call, repeats)
        pool = Pool.open(max_connections=1, proxy=None, verify=True, trust_env=True)
        try:
            return await self._exchange(pool, call, repeats)
        finally:
            await pool.aclose(self._options.timeout)

    async def _exchange(self, pool: Pool, call: Call, repeats: int) -> httpx.Response:
        await pool.prepare()
        sent = 0
        while True:
            sent += 1
            try:
                response = await self._deliver(pool, call)
            except NoAnswerError:
                if sent > repeats:
                    raise
            except (ConnectionFailedError, ClientClosedError) as error:
                if sent == 1:
                    raise
                raise NoAnswerError(
                    f"{call}: sent to {self._options.base_url}, and it may have been carried out, for no answer or a "
                    f"failure came back. Then it could not be sent again. {error}"
                ) from error
            else:
                if sent > repeats or not (response.status_code == 408 or response.status_code >= 500):
                    return response
            await self._sleep(retry.backoff(sent, self._fraction()))

    async def _deliver(self, pool: Pool, call: Call) -> httpx.Response:
        """Send a form as often as it takes until it is really sent."""
        attempts, lost = 0, ""
        while True:
            attempts += 1
            wait = None
            try:
                return await attempt.send(pool, httpx.Auth(), self._options, call, Sending())
            except (ConnectionFailedError, ClientClosedError) as error:
                wait = retry.pause(
                    retry.failure_of(error),
                    attempts,
                    repeatable=False,
                    max_retries=self._options.max_retries,
                    fraction=self._fraction(),
                )
                if wait is None:
                    raise
            except NoAnswerError as error:
                lost = type(error.__cause__).__name__
            if wait is None:
                # Outside of the handler: what a transport says about an answer can quote it, and the tokens in it.
                raise NoAnswerError(
                    f"{call}: sent to {self._options.base_url}, but no readable answer came ({lost}). It may have "
                    "been carried out."
                )
            await self._sleep(wait)


def said(response: httpx.Response, secrets: Collection[str]) -> tuple[str | None, str | None]:
    """Return the words and the code of an answer that is an error; None for what repeats one of the secrets."""
    try:
        body = decode(response.content, dict[str, Any])
    except UnreadableError:
        return None, None
    words = body.get("error_description") or body.get("detail")
    if words is None:
        # {"field": ["message", ...]} is how invalid input is answered.
        lists = [cast("list[object]", value) for value in body.values() if isinstance(value, list)]
        words = " ".join(word for messages in lists for word in messages if isinstance(word, str))
    return printable(words, secrets), printable(body.get("error"), secrets)


def printable(words: object, secrets: Collection[str]) -> str | None:
    """Return what a service said in a form that can be shown; None when it said nothing, or repeats a secret."""
    if not isinstance(words, str) or not words:
        return None
    if any(form in words for secret in secrets for form in (secret, quote_plus(secret))):
        return None
    text = "".join(character if character.isprintable() else " " for character in words)
    return text if len(text) <= _LONGEST_WORDS else text[:_LONGEST_WORDS] + "…"
