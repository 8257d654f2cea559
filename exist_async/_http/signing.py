"""What signs requests, as far as sending them depends on it."""

from abc import ABC, abstractmethod
from collections.abc import Hashable

import httpx


class IdentifiedAuth(httpx.Auth, ABC):
    """Signs requests and says for whom, so that several clients of one user share one budget."""

    @property
    @abstractmethod
    def user(self) -> Hashable:
        """The user, or what stands for the token. Never the token itself: rate limiters may write it down."""
        ...


class RenewableAuth(IdentifiedAuth):
    """Signs requests with a token that the session has renewed, so that renewing is no part of a request.

    What these raise means that the request was not carried out.

    Attributes:
        origin: The origin of the service that gives the tokens. They are sent nowhere else.
    """

    origin: str

    @abstractmethod
    async def ready(self) -> bool:
        """Have a token to sign with, and say whether it had to be renewed; called before each attempt."""
        ...

    @abstractmethod
    async def renew(self, rejected: str) -> None:
        """Have another token than the one that the service rejected with a 401."""
        ...


def user_of(auth: httpx.Auth) -> Hashable:
    """Return what an auth's budget is kept under."""
    if isinstance(auth, IdentifiedAuth):
        return auth.user
    # A class with an equality of its own, a dataclass say, can have no hash.
    return auth if getattr(auth, "__hash__", None) else id(auth)


def token_of(request: httpx.Request) -> str:
    """Return the token that a request really carried."""
    signature: str = request.headers.get("authorization", "")
    return signature.rpartition(" ")[2]
