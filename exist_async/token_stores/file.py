"""A token store in a file that only its owner can read."""

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from exist_async._checks import check_file_path, check_text
from exist_async._json import UnreadableError, decode, encode
from exist_async._secrets import hides_locals
from exist_async.errors import OAuthError
from exist_async.token_stores.token import OAuthToken, check_oauth_token

if TYPE_CHECKING:
    from filelock import AsyncFileLock

_OWNER_ONLY = 0o600
_OWNER_ONLY_DIRECTORY = 0o700
_OTHERS = 0o077
# Seconds. Writing takes milliseconds; a renewal can take as long as two requests, each with its timeout.
_WRITE_TIMEOUT = 30.0
_LOCK_TIMEOUT = 600.0


@frozen
class _Contents:
    users: dict[str, OAuthToken] = field(factory=dict[str, OAuthToken])


class FileTokenStore:
    """Keeps the tokens of some hundreds of users in one JSON file, which several processes of a machine may share.

    Each load reads the whole file and each save writes it: for more users, use a database. The file is created with
    mode 0600, and missing directories with 0700. A file that others can read or own is refused, and so is a symbolic
    link. Saving replaces the file atomically: a crash leaves the old file or the new one. Empty lock files are created
    beside it, one for the file and one for each user; they are not removed.

    Args:
        path: The file, which need not exist yet.

    Raises:
        ConfigurationError: The path is not valid. The methods raise it for a user who is not a string of text.
        OAuthError: Raised by the methods if the file can't be read, written or locked, is not a token file, or is open
            to other users of the machine.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = check_file_path("path", path)

    def __repr__(self) -> str:
        return f"FileTokenStore({str(self._path)!r})"

    @hides_locals
    async def load(self, user: str) -> OAuthToken | None:
        """Return the user's token; see `TokenStore.load`."""
        check_text("user", user)
        return (await asyncio.to_thread(self._read)).get(user)

    @hides_locals
    async def save(self, user: str, token: OAuthToken) -> None:
        """Save a token; see `TokenStore.save`."""
        check_text("user", user)
        check_oauth_token(token)
        await asyncio.to_thread(self._change, user, token)

    @hides_locals
    async def delete(self, user: str) -> None:
        """Delete the user's token; see `TokenStore.delete`."""
        check_text("user", user)
        await asyncio.to_thread(self._change, user, None)

    @asynccontextmanager
    async def lock(self, user: str) -> AsyncGenerator[None, None]:
        """Allow one renewal at a time; see `TokenStore.lock`. After ten minutes, raise an OAuthError."""
        check_text("user", user)
        lock = await asyncio.to_thread(self._user_lock, user)
        with self._naming_the_file():
            await lock.acquire()
        try:
            yield
        finally:
            await lock.release()

    def _user_lock(self, user: str) -> "AsyncFileLock":
        # Runs in a thread, because this import takes a tenth of a second.
        from filelock import AsyncFileLock

        with self._naming_the_file():
            _make_directory(self._path.parent)
        # Hashed, because a user's name may contain characters that a file name can't.
        name = hashlib.sha256(user.encode()).hexdigest()[:16]
        return AsyncFileLock(self._beside(f"{name}.lock"), timeout=_LOCK_TIMEOUT, mode=_OWNER_ONLY)

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(f".{self._path.name}.{suffix}")

    def _read(self) -> dict[str, OAuthToken]:
        with self._naming_the_file():
            try:
                self._check(self._path.lstat())
                flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
                with os.fdopen(os.open(self._path, flags), "rb") as file:
                    # Another file may have taken its place since.
                    self._check(os.fstat(file.fileno()))
                    data = file.read()
            except FileNotFoundError:
                return {}
        try:
            return decode(data, _Contents).users
        except UnreadableError as error:
            reason = str(error)
        # Outside the handler: the error of the decoder can contain the whole file.
        raise OAuthError(
            f"The token file {self._path} can't be read: {reason}. Move it away, and let its users sign in again."
        )

    def _change(self, user: str, token: OAuthToken | None) -> None:
        from filelock import FileLock

        with self._naming_the_file():
            _make_directory(self._path.parent)
            with FileLock(self._beside("lock"), timeout=_WRITE_TIMEOUT, mode=_OWNER_ONLY):
                users = self._read()
                if token is None:
                    users.pop(user, None)
                else:
                    users[user] = token
                self._replace(encode(_Contents(users)))

    def _replace(self, data: bytes) -> None:
        # One name is enough, because the file is locked. A crash may have left a file there.
        new = self._beside("new")
        new.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        if os.name == "posix":
            # Until the directory is written to disk, a power failure could undo the renaming.
            descriptor = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _check(self, status: os.stat_result) -> None:
        mode = status.st_mode
        if not stat.S_ISREG(mode):
            kind = "a symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
            raise OAuthError(f"The token file {self._path} is {kind}: give the path of the file itself.")
        if os.name != "posix":
            return
        if mode & _OTHERS:
            raise OAuthError(
                f"The token file {self._path} is open to other users of this machine (mode {stat.S_IMODE(mode):o}). "
                f"Run: chmod 600 {self._path}. If they may have read it, let its users sign in again."
            )
        if status.st_uid != os.geteuid():
            raise OAuthError(
                f"The token file {self._path} belongs to another user of this machine (uid {status.st_uid}), who can "
                "read and change it: give the path of a file of your own."
            )

    @contextmanager
    def _naming_the_file(self) -> Generator[None, None, None]:
        """Raise an OAuthError that contains the path for an error of the operating system."""
        try:
            yield
        except TimeoutError as error:
            raise OAuthError(
                f"The token file {self._path} is locked by another process, which may be hanging: end it and try again."
            ) from error
        except OSError as error:
            raise OAuthError(f"The token file {self._path} can't be used: {error}") from error


def _make_directory(directory: Path) -> None:
    if not directory.exists():
        # `parents=True` would give the mode to the last directory only.
        _make_directory(directory.parent)
        directory.mkdir(_OWNER_ONLY_DIRECTORY, exist_ok=True)
