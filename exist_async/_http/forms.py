"""Posts the forms that sign people and apps in. They contain secrets, and so do the answers."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlencode

import httpx

from exist_async._concurrency import running_loop
from exist_async._http.call import Call
from exist_async._http.options import Options
from exist_async._http.pool import Pool, renewing_pool
from exist_async._http.session import Session
from exist_async.errors import ClientClosedError

_MAX_CONNECTIONS = 100
_FORM = b"application/x-www-form-urlencoded"


# The pools of forms in flight, and the number of forms, by event loop, caller's HTTP client and service. All form
# clients share them: a program may have an OAuthApp for each request.
_pools: dict[tuple[asyncio.AbstractEventLoop | None, httpx.AsyncClient | None, str], tuple[Pool, int]] = {}


class FormClient:
    """Posts forms to a service, unsigned. Errors quote neither the form's secrets nor the answer.

    A form that renews the token of a call goes over the pool of that call. Signing in is rare, so all other forms of an
    event loop share a pool, which is closed when none of them is in flight. A caller's HTTP client is used instead of
    both, and never closed here. The other arguments are as in `Options`, which checks them.
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
        shared = renewing_pool.get() if self._http_client is None else None
        if shared is not None:
            # If the client was closed meanwhile, nothing was sent; calls of another client may wait for this renewal.
            with suppress(ClientClosedError):
                return await self._send(shared, call)
        async with self._own_pool() as pool:
            return await self._send(pool, call)

    async def _send(self, pool: Pool, call: Call) -> bytes:
        return await Session(pool, httpx.Auth(), self._options).send(call, bytes)

    @asynccontextmanager
    async def _own_pool(self) -> AsyncGenerator[Pool, None]:
        """Return the pool of the forms in flight on this event loop, which also share a retry budget."""
        # Without a loop, sending raises the error that says so.
        key = running_loop(), self._http_client, self._options.base_url
        pool, forms = _pools.get(key) or (self._open(), 0)
        _pools[key] = pool, forms + 1
        try:
            yield pool
        finally:
            pool, forms = _pools.pop(key)
            if forms > 1:
                _pools[key] = pool, forms - 1
            else:
                await pool.aclose(self._options.timeout)

    def _open(self) -> Pool:
        if self._http_client is not None:
            return Pool.over(self._http_client)
        return Pool.open(max_connections=_MAX_CONNECTIONS, proxy=None, verify=True, trust_env=True)
