"""Tokens: their user, their service and their scopes."""

import math

import attrs

from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.groups import Group
from exist_async.sandbox.services import Service
from exist_async.sandbox.users import User

__all__ = ["AccessToken", "TokenPair"]


@attrs.frozen(eq=False)
class AccessToken:
    """An access token, or a simple token, which has no service and is read-only."""

    value: str = attrs.field(repr=False)
    user: User
    service: Service | None
    scopes: frozenset[str]
    expires_at: float = math.inf

    def may_read(self, attribute: Attribute) -> bool:
        """Whether the scopes allow reading this attribute, by its group or because it is manual."""
        return f"{attribute.group.name}_read" in self.scopes or (attribute.manual and "manual_read" in self.scopes)

    def may_write(self, group: Group, *, manual: bool) -> bool:
        """Whether the scopes allow writing to an attribute of this group, manual or not."""
        return f"{group.name}_write" in self.scopes or (manual and "manual_write" in self.scopes)


@attrs.frozen
class TokenPair:
    """An access token and its refresh token; `expires_in` is in seconds."""

    access: AccessToken
    refresh_token: str = attrs.field(repr=False)
    expires_in: int
