"""Trades grants for tokens: what an app does to sign a user in, and to keep them signed in."""

from exist_async.oauth.app import OAuthApp
from exist_async.oauth.scopes import Scope

__all__ = ["OAuthApp", "Scope"]
