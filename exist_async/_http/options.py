"""The settings of a client: those that each view can have for itself, and its clocks."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlsplit

import httpx
from attrs import Attribute, field, frozen
from attrs.validators import optional

from exist_async._checks import (
    check_callback,
    check_int,
    check_seconds,
    is_function,
    is_loopback,
    is_seconds,
    validator,
    wrong_type,
)
from exist_async.errors import ConfigurationError
from exist_async.events import Event
from exist_async.rate_limits import RateLimiter


def check_origin(name: str, url: object) -> str:
    """Check the origin of a service, and return it without a slash at its end; errors name the argument or variable."""
    if not isinstance(url, str):
        raise wrong_type(name, "a string like 'https://exist.io'", url)
    return _checked_origin(name, url)


@lru_cache(maxsize=64)  # the views for many users have the same origin
def _checked_origin(name: str, url: str) -> str:
    if not url.isprintable() or " " in url:
        raise ConfigurationError(f"{name} contains a space or a control character")
    if "@" in url:
        # The URL is not quoted: it contains a password.
        raise ConfigurationError(f"{name} contains a user name or password: give credentials as auth")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        # Reading the port and the host raises an error for wrong ones.
        _ = httpx.URL(url).copy_with(port=parts.port).host
    except (ValueError, httpx.InvalidURL):
        raise ConfigurationError(f"{name} is not a valid URL: give an origin like 'https://exist.io'") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError(f"{name} must be an origin like 'https://exist.io': a scheme and a host")
    if parts.path not in ("", "/") or parts.query or parts.fragment or url.endswith(("?", "#")):
        raise ConfigurationError(f"{name} must be an origin only, without path and query")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(f"{name} {url!r} is plain http: the token would travel unencrypted. Use https")
    return url.removesuffix("/")


def _base_url(url: str) -> str:
    return check_origin("base_url", url)


def _is_limiter(_: "Options", attribute: "Attribute[Any]", value: object) -> None:
    # isinstance with a protocol would cost ten times as much.
    if not (callable(getattr(value, "acquire", None)) and callable(getattr(value, "refund", None))):
        raise wrong_type(attribute.name, "a RateLimiter or None", value)


def _is_max_wait(_: "Options", attribute: "Attribute[Any]", value: object) -> None:
    if value is not None:
        check_seconds(attribute.name, value, zero=True)


@frozen(eq=False, repr=False)
class Options:
    """The settings of a client or of a view of it; checked at construction.

    Attributes:
        base_url: The service's origin.
        timeout: Seconds for one attempt, all of it; waiting for a free connection has as many of its own.
        deadline: Seconds after which a call starts no further attempt; None for no deadline.
        max_retries: Attempts beyond the first.
        concurrency: Requests that one call may have in flight.
        max_wait: The longest wait in seconds for the rate budget or a Retry-After; None for no limit.
        rate_limiter: Keeps the budget; None switches it off.
        write_rate_limiter: Keeps the budget of writes; the same limiter where a service has one budget for both.
        on_event: Called with each event, or None.
        clock: Monotonic clock, in seconds.
        sleep: Waits for a number of seconds.
        fraction: Returns random numbers from 0 to 1.
        wall_clock: Seconds since the epoch.
    """

    base_url: str = field(converter=_base_url)
    timeout: float = field(default=30.0, validator=is_seconds)
    deadline: float | None = field(default=None, validator=optional(is_seconds))
    max_retries: int = field(default=2, validator=validator(partial(check_int, least=0)))
    concurrency: int = field(default=8, validator=validator(partial(check_int, least=1)))
    max_wait: float | None = field(default=60.0, validator=_is_max_wait)
    rate_limiter: RateLimiter | None = field(default=None, validator=optional(_is_limiter))
    write_rate_limiter: RateLimiter | None = field(default=None, validator=optional(_is_limiter))
    on_event: Callable[[Event], object] | None = field(
        default=None, validator=validator(lambda name, value: check_callback(name, "an event", value))
    )
    clock: Callable[[], float] = field(default=time.monotonic, validator=is_function)
    sleep: Callable[[float], Awaitable[object]] = field(default=asyncio.sleep, validator=is_function)
    fraction: Callable[[], float] = field(default=random.random, validator=is_function)
    wall_clock: Callable[[], float] = field(default=time.time, validator=is_function)
