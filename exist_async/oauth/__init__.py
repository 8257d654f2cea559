"""Signs users in with OAuth2: exchanges codes for tokens, and refreshes tokens."""

from exist_async.oauth.app import OAuthApp, Scope

__all__ = ["OAuthApp", "Scope"]
