"""The HTTP proxies of a client: the one given to it, or those of the environment."""

import base64
import os
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

import httpx
from attrs import frozen

from exist_async._checks import is_loopback
from exist_async.errors import ConfigurationError

_EXPECTED = "must be the URL of an HTTP proxy, like 'http://127.0.0.1:3128'"

_PORTS = {"http": 80, "https": 443}


@frozen(eq=False, repr=False)
class Proxy:
    """An HTTP proxy.

    Attributes:
        name: Description of its origin, for messages, such as "the proxy in HTTPS_PROXY".
        url: Its URL, without the credentials: aiohttp's errors quote it.
        headers: The headers that authenticate at it.
    """

    name: str
    url: str
    headers: dict[str, str]


class Proxies:
    """Finds the proxy for a service.

    Args:
        url: The URL of the proxy for all services, or None.
        trust_env: Whether HTTPS_PROXY, ALL_PROXY and NO_PROXY count, or where there are none, the system's settings.

    Raises:
        ConfigurationError: It is not the URL of an HTTP proxy. The URL is not quoted: it may contain a password.
    """

    def __init__(self, url: str | None, *, trust_env: bool) -> None:
        self._trust_env = trust_env
        self._own: Proxy | None = None
        if url is not None:
            parts = _split(url)
            if parts is None:
                raise ConfigurationError(
                    f"proxy {_EXPECTED}. For another kind, such as SOCKS, give an http_client that supports it"
                )
            self._own = _proxy("the client's proxy", parts)

    def find(self, url: str) -> Proxy | None:
        """Return the proxy for a URL, or None; raise ConfigurationError if the environment's can't be used."""
        if self._own is not None or not self._trust_env:
            return self._own
        service = urlsplit(url)
        host = service.hostname or ""
        if is_loopback(host):
            # Loopback means another machine to a proxy, which would get to read a token that is sent in plain text.
            return None
        environment = getproxies_environment()
        proxies = environment or getproxies()  # macOS and Windows have settings beside the environment
        kind = service.scheme if proxies.get(service.scheme) else "all"
        proxy = proxies.get(kind, "").strip()
        if not proxy or (_is_excluded(service, environment) if environment else proxy_bypass(host)):
            return None
        # The standard library prefers the names in lower case.
        names = (name for name, value in os.environ.items() if name.lower() == f"{kind}_proxy" and value)
        variable = max(names, default="the system's proxy setting")
        parts = _split(proxy if "://" in proxy else f"http://{proxy}")
        if parts is None:
            socks = ", not of a SOCKS proxy" if proxy.lower().startswith("socks") else ""
            raise ConfigurationError(
                f"{variable} {_EXPECTED}{socks}. Change or unset it, or add {host} to NO_PROXY. In Python, you "
                "can also give trust_env=False, or an http_client that supports the proxy"
            )
        return _proxy(f"the proxy in {variable}", parts)


def _split(url: object) -> SplitResult | None:
    """Return the parts of a proxy's URL, or None if it is not the URL of an HTTP proxy."""
    if not isinstance(url, str) or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and httpx.URL(url).host
    except (ValueError, httpx.InvalidURL):
        return None
    # The rest of a password that contains an unencoded slash, question mark or hash sign.
    has_split_password = "@" in parts.path + parts.query + parts.fragment
    return parts if good and not has_split_password else None


def _proxy(name: str, parts: SplitResult) -> Proxy:
    """Move the password from a proxy's URL to a header."""
    userinfo, at, address = parts.netloc.rpartition("@")
    if not at:
        return Proxy(name, parts.geturl(), {})
    user, _, password = userinfo.partition(":")
    credentials = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    return Proxy(name, parts._replace(netloc=address).geturl(), {"Proxy-Authorization": f"Basic {credentials}"})


def _is_excluded(service: SplitResult, environment: dict[str, str]) -> bool:
    """Whether NO_PROXY names a service."""
    entries = environment.get("no", "").lower().replace(",", " ").split()
    return any(_names(entry, service) for entry in entries)


def _names(entry: str, service: SplitResult) -> bool:
    """Whether an entry of NO_PROXY is `*`, or the service's domain, address or network, perhaps with scheme or port."""
    scheme, _, rest = entry.rpartition("://")
    if scheme not in ("", "all", service.scheme):
        return False
    host = service.hostname or ""
    try:
        return ip_address(host) in ip_network(rest.strip("[]"), strict=False)
    except ValueError:
        pass  # at least one of them is a name
    try:
        parts = urlsplit(f"//{rest}")
        named, port = parts.hostname or "", parts.port
    except ValueError:
        return False  # it names no host
    domain = named.removeprefix("*").strip(".")
    same = named == "*" or (bool(domain) and (host == domain or host.endswith(f".{domain}")))
    return same and port in (None, service.port or _PORTS.get(service.scheme))
