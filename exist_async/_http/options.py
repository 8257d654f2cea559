"""What each view of a client can set for itself."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx
from attrs import Attribute, field, frozen

from exist_async._checks import check_callback, check_int, check_seconds, is_loopback
from exist_async.errors import ConfigurationError
from exist_async.events import Event
from exist_async.rate_limits import RateLimiter


@lru_cache(maxsize=64)  # a view for each user means the same check for each user
def _check_origin(url: str) -> None:
    if not url.isprintable() or " " in url:
        raise ConfigurationError("base_url holds a space or a control character")
    if "@" in url:
        # The URL itself is not shown: it holds a password.
        raise ConfigurationError("base_url holds a user name or password: give credentials as auth")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        # Reading the port and the host is what finds wrong ones.
        _ = httpx.URL(url).copy_with(port=parts.port).host
    except (ValueError, httpx.InvalidURL):
        raise ConfigurationError("base_url is no valid URL: it is an origin like 'https://exist.io'") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError("base_url is an origin like 'https://exist.io': a scheme and a host")
    if parts.path or parts.query or parts.fragment or url.endswith(("?", "#")):
        raise ConfigurationError("base_url is an origin alone, without path, query or last slash")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(f"base_url {url!r} is plain http: the token would travel in the clear. Use https")


def _origin(_: "Options", __: "Attribute[Any]", url: object) -> None:
    if not isinstance(url, str):
        raise ConfigurationError(f"base_url is a string like 'https://exist.io', not {type(url).__name__}")
    _check_origin(url)


def _limiter(_: "Options", attribute: "Attribute[Any]", value: object) -> None:
    # What isinstance would ask of a protocol, at a tenth of its cost.
    if value is not None and not (
        callable(getattr(value, "acquire", None)) and callable(getattr(value, "refund", None))
    ):
        raise ConfigurationError(f"{attribute.name} is a RateLimiter or None, not {type(value).__name__}")


def _timeout(_: "Options", attribute: "Attribute[Any]", value: object) -> None:
    check_seconds(attribute.name, value)


def _max_wait(_: "Options", attribute: "Attribute[Any]", value: object) -> None:
    if value is not None:
        check_seconds(attribute.name, value, zero=True)


def _deadline(_: "Options", attribute: "Attribute[Any]", value: object) -> None:
    if value is not None:
        check_seconds(attribute.name, value)


def _on_event(_: "Options", __: "Attribute[Any]", value: object) -> None:
    check_callback("on_event", "an event", value)


def _count(_: "Options", attribute: "Attribute[Any]", value: object) -> None:
    check_int(attribute.name, value, least=0 if attribute.name == "max_retries" else 1)


@frozen(eq=False, repr=False)
class Options:
    """What each view of a client can set for itself; checked at construction.

    Attributes:
        base_url: The service's origin.
        timeout: Seconds for one attempt, all of it, waiting for a free connection apart.
        deadline: Seconds after which a call begins no further attempt; None is no end.
        max_retries: Attempts beyond the first.
        concurrency: Requests that one call may have in flight.
        max_wait: The longest wait in seconds for the rate budget or a Retry-After; None is as long as it takes.
        rate_limiter: Keeps the budget; None switches it off.
        write_rate_limiter: Keeps the budget of what is no read; the same one where a service has one for both.
        on_event: Called with what happens on the way; None is nobody.
    """

    base_url: str = field(validator=_origin)
    timeout: float = field(validator=_timeout)
    deadline: float | None = field(validator=_deadline)
    max_retries: int = field(validator=_count)
    concurrency: int = field(validator=_count)
    max_wait: float | None = field(validator=_max_wait)
    rate_limiter: RateLimiter | None = field(validator=_limiter)
    write_rate_limiter: RateLimiter | None = field(validator=_limiter)
    on_event: Callable[[Event], object] | None = field(validator=_on_event)
