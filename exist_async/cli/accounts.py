"""The account that a token belongs to, which stays the same when the token is renewed or replaced."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, cast

from exist_async._checks import environment_value
from exist_async._secrets import hides_locals
from exist_async.cli.state_folder import state_folder
from exist_async.cli.stored_login import StoredLogin, normalized_origin
from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError, PermissionDeniedError

# An access token of a stored login is renewed now and then, and the former one is of no use any more.
_KEPT_TOKENS: Final = 100


async def find_account(exist: ExistClient, base_url: str) -> str:
    """Return the name of the user's account, or a key of the token if the token may not read the profile.

    The name is kept for the next time with a hash of the token, so that a token takes one request once.

    Args:
        exist: The client, with the credentials of the user.
        base_url: Origin of the service.

    Raises:
        ExistAsyncError: The profile can't be read.
    """
    path = _cache_path()
    names = _load(path)
    key = await _token_key(base_url)
    if key not in names:
        try:
            name = (await exist.profile.get()).username
        except PermissionDeniedError:
            name = None
        # The request may have renewed the token.
        key = await _token_key(base_url)
        names[key] = name or f"token {key}"
        _save(path, dict(list(names.items())[-_KEPT_TOKENS:]))
    return names[key]


def _cache_path() -> Path | None:
    """Return the path of the file with the names; None if there is no folder for it."""
    with suppress(ConfigurationError):
        return state_folder() / "accounts.json"
    return None


def _load(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        content: object = json.loads(path.read_bytes())
    except (OSError, ValueError):
        # It can be asked for again.
        return {}
    if not isinstance(content, dict):
        return {}
    entries = cast("dict[str, object]", content)
    return {key: name for key, name in entries.items() if isinstance(name, str)}


def _save(path: Path | None, names: dict[str, str]) -> None:
    if path is None:
        return
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    # A folder that can't be written costs a request the next time.
    with suppress(OSError):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(names, file)
        temporary.replace(path)


async def _token_key(base_url: str) -> str:
    origin = normalized_origin(base_url)
    if (key := _environment_key(origin)) is not None:
        return key
    stored = await StoredLogin.for_service(base_url).load()
    return _hash(origin, "" if stored is None else stored.access_token)


@hides_locals
def _environment_key(origin: str) -> str | None:
    token = environment_value("EXIST_TOKEN")
    return _hash(origin, token) if token else None


@hides_locals
def _hash(origin: str, token: str) -> str:
    return hashlib.blake2b(f"{origin}\n{token}".encode(), digest_size=16).hexdigest()
