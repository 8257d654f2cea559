"""A token: which user and service a request speaks for, and what it may do."""

import math

import attrs

from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.groups import Group
from exist_async.sandbox.services import Service
from exist_async.sandbox.users import User

__all__ = ["AccessToken", "TokenPair"]


@attrs.frozen(eq=False)
class AccessToken:
    """What a request is authorised by; a simple token belongs to no service, and only reads."""

    value: str = attrs.field(repr=False)
    user: User
    service: Service | None
    scopes: frozenset[str]
    expires_at: float = math.inf

    def may_read(self, attribute: Attribute) -> bool:
        """Whether the read scopes reach this attribute, by its group or because it is tracked by hand."""
        return f"{attribute.group.name}_read" in self.scopes or (attribute.manual and "manual_read" in self.scopes)

    def may_write(self, group: Group, *, manual: bool) -> bool:
        """Whether the write scopes reach an attribute of this group, tracked by hand or not."""
        return f"{group.name}_write" in self.scopes or (manual and "manual_write" in self.scopes)


@attrs.frozen
class TokenPair:
    """An access token, and the refresh token that will be traded for the next pair."""

    access: AccessToken
    refresh_token: str = attrs.field(repr=False)
    expires_in: int
