"""Signs requests, and renews a token once."""

from exist_async.auth.oauth2 import OAuth2
from exist_async.auth.renewals import settled
from exist_async.auth.tokens import BearerToken, SimpleToken, auth_from

__all__ = ["BearerToken", "OAuth2", "SimpleToken", "auth_from", "settled"]
