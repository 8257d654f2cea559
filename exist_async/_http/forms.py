"""Posts the forms that sign people and apps in. They contain secrets, and so do the answers."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlencode

import httpx

from exist_async._http.call import Call
from exist_async._http.options import Options
from exist_async._http.pool import Pool
from exist_async._http.session import Session

_FORM = b"application/x-www-form-urlencoded"


class FormClient:
    """Posts forms to a service, unsigned. Errors quote neither the form's secrets nor the answer.

    Signing in is rare, so each form has a connection of its own, which is closed after it. A caller's HTTP client is
    used instead of it, and never closed here. The other arguments are as in `Options`, which checks them.
    """

    def __init__(
        self,
        base_url: str,
        http_client: httpx.AsyncClient | None,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        self._options = Options(base_url=base_url, sleep=sleep, fraction=fraction)
        self._http_client = http_client
        if http_client is not None:
            Pool.over(http_client)  # raises for a wrong argument

    async def post(
        self, path: str, form: Mapping[str, str], *, secrets: tuple[str, ...], max_repeats: int = 0
    ) -> bytes:
        """Post a form, and return the body of the answer.

        `secrets` are those of its values that must appear in no error. `max_repeats` is the maximum number of repeats
        if it may have been carried out: no readable answer, a 408 or 5xx.
        """
        body = urlencode(form).encode()
        call = Call("POST", path, body=body, content_type=_FORM, max_repeats=max_repeats, secrets=secrets)
        # A pool for each form, and so a retry budget: one that is empty after an outage would hardly fill again.
        if self._http_client is not None:
            pool = Pool.over(self._http_client)
        else:
            pool = Pool.open(max_connections=1, proxy=None, verify=True, trust_env=True)
        try:
            return await Session(pool, httpx.Auth(), self._options).send(call, bytes)
        finally:
            await pool.aclose(self._options.timeout)
