"""Signs requests with tokens: simple ones, personal ones, and OAuth2 tokens that are renewed."""

from exist_async._http.signing import BearerToken
from exist_async.auth.renewals import wait_for_saves
from exist_async.auth.tokens import SimpleToken

__all__ = ["BearerToken", "SimpleToken", "wait_for_saves"]
