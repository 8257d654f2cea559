"""Signs requests, and renews a token once."""

from exist_async.auth.renewals import settled
from exist_async.auth.tokens import BearerToken, SimpleToken, auth_from

__all__ = ["BearerToken", "SimpleToken", "auth_from", "settled"]
