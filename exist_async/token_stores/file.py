"""A token store in a file that only its owner can read."""

import asyncio
import errno
import hashlib
import os
import stat
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
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
# Seconds. Writing takes milliseconds; a renewal can take as long as two requests, each with its timeout.
_WRITE_TIMEOUT = 30.0
_LOCK_TIMEOUT = 600.0

# A file that is mounted by itself, as with `docker run -v ./tokens.json:/app/tokens.json`, can't be renamed over.
_NOT_REPLACEABLE = (errno.EBUSY, errno.EXDEV)
_SPARE = 4096  # bytes by which a new token may be longer than the old one
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


@frozen
class _Contents:
    users: dict[str, OAuthToken] = field(factory=dict[str, OAuthToken])


class FileTokenStore:
    """Keeps the tokens of some hundreds of users in one JSON file, which several processes of a machine may share.

    Each load reads the whole file and each save writes it: for more users, use a database. The file is created with
    mode 0600, and missing directories with 0700. A file that others can read or own is refused, and so are a symbolic
    link and a file system that keeps no modes. Saving replaces the file atomically: a crash leaves the old file or the
    new one. A file that is mounted by itself can't be replaced and is written in place, which a power failure can
    interrupt, and containers do not share its locks: mount its directory instead. Empty lock files are created beside
    it, one for the file and one for each user; they are not removed.

    Args:
        path: The file, which need not exist yet.

    Raises:
        ConfigurationError: The path is not valid. The methods raise it for a user who is not a string of text.
        OAuthError: A method can't read, write or lock the file, or it is not a token file, or is open to other users.
    """

    lock_can_be_lost = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = check_file_path("path", path)

    def __repr__(self) -> str:
        return f"FileTokenStore({str(self._path)!r})"

    @hides_locals
    async def load(self, user: str) -> OAuthToken | None:
        """Return the user's token; see `TokenStore.load`."""
        check_text("user", user)
        return (await asyncio.to_thread(self._load)).get(user)

    @hides_locals
    async def check_can_save(self, user: str) -> None:
        """Write the file as it is, with room for a longer token; see `TokenStore`."""
        check_text("user", user)
        await asyncio.to_thread(self._change, {}, spare=_SPARE)

    @hides_locals
    async def save(self, user: str, token: OAuthToken) -> None:
        """Save a token; see `TokenStore.save`."""
        check_text("user", user)
        check_oauth_token(token)
        await asyncio.to_thread(self._change, {user: token})

    @hides_locals
    async def delete(self, user: str) -> None:
        """Delete the user's token; see `TokenStore.delete`."""
        check_text("user", user)
        await asyncio.to_thread(self._change, {user: None})

    @asynccontextmanager
    async def lock(self, user: str) -> AsyncGenerator[None, None]:
        """Allow one renewal at a time; see `TokenStore.lock`. After ten minutes, raise an OAuthError."""
        check_text("user", user)
        with self._naming_the_file():
            lock = await asyncio.to_thread(self._user_lock, user)
            await lock.acquire()
        try:
            yield
        finally:
            await lock.release()

    def _user_lock(self, user: str) -> "AsyncFileLock":
        # Runs in a thread, because this import takes a tenth of a second.
        from filelock import AsyncFileLock

        _make_directory(self._path.parent)
        # Hashed, because a user's name may contain characters that a file name can't.
        name = hashlib.sha256(user.encode()).hexdigest()[:16]
        return AsyncFileLock(self._beside(f"{name}.lock"), timeout=_LOCK_TIMEOUT, mode=_OWNER_ONLY)

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(f".{self._path.name}.{suffix}")

    def _load(self) -> dict[str, OAuthToken]:
        with suppress(UnreadableError):
            return self._read()
        # A process that can't replace the file may be writing it.
        with self._locked():
            return self._read_whole()

    def _read_whole(self) -> dict[str, OAuthToken]:
        try:
            return self._read()
        except UnreadableError as error:
            reason = str(error)
        # Outside the handler: the error of the decoder can contain the whole file.
        raise OAuthError(
            f"The token file {self._path} can't be read: {reason}. Move it away, and let its users sign in again."
        )

    def _read(self) -> dict[str, OAuthToken]:
        with self._naming_the_file():
            try:
                self._check(self._path.lstat())
                flags = os.O_RDONLY | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0)
                with os.fdopen(os.open(self._path, flags), "rb") as file:
                    # Another file may have taken its place since.
                    self._check(os.fstat(file.fileno()))
                    data = file.read()
            except FileNotFoundError:
                return {}
        return decode(data, _Contents).users

    @contextmanager
    def _locked(self) -> Generator[None, None, None]:
        from filelock import FileLock

        with self._naming_the_file():
            _make_directory(self._path.parent)
            with FileLock(self._beside("lock"), timeout=_WRITE_TIMEOUT, mode=_OWNER_ONLY):
                yield

    def _change(self, changes: Mapping[str, OAuthToken | None], spare: int = 0) -> None:
        with self._locked():
            users = {**self._read_whole(), **changes}
            kept = {user: token for user, token in users.items() if token is not None}
            self._write(encode(_Contents(kept)), spare)

    def _write(self, data: bytes, spare: int) -> None:
        # One name is enough, because the file is locked. A crash may have left a file there.
        new = self._beside("new")
        new.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY), "wb") as file:
                self._check_new(os.fstat(file.fileno()))
                file.write(data + b" " * spare)
                file.flush()
                os.fsync(file.fileno())
                file.truncate(len(data))
            if spare and not self._path.exists():
                # Checking creates no token file.
                return
            new.replace(self._path)
        except OSError as error:
            if error.errno not in _NOT_REPLACEABLE:
                raise
            self._write_in_place(data, spare)
        finally:
            new.unlink(missing_ok=True)
        if os.name == "posix":
            # Until the directory is written to disk, a power failure could undo the renaming.
            descriptor = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _write_in_place(self, data: bytes, spare: int) -> None:
        # Containers that mount the same file have lock files of their own.
        self.lock_can_be_lost = True
        with os.fdopen(os.open(self._path, os.O_RDWR | _NO_FOLLOW), "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            # Spaces at the end are valid JSON: if the disk is full, the file still holds the old tokens.
            file.write(b" " * (len(data) + spare - size))
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            file.write(data.ljust(size))
            file.flush()
            os.fsync(file.fileno())

    def _check(self, status: os.stat_result) -> None:
        mode = status.st_mode
        if not stat.S_ISREG(mode):
            kind = "a symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
            raise OAuthError(f"The token file {self._path} is {kind}: give the path of the file itself.")
        if os.name != "posix":
            return
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise OAuthError(
                f"The token file {self._path} is open to other users of this machine (mode {stat.S_IMODE(mode):o}). "
                f"Run: chmod 600 {self._path}. If that changes nothing, its file system keeps no modes: move the file "
                "to one that does, such as your home directory's. If others may have read it, let its users sign in "
                "again."
            )
        if status.st_uid != os.geteuid():
            raise OAuthError(
                f"The token file {self._path} belongs to another user of this machine (uid {status.st_uid}), who can "
                "read and change it: give the path of a file of your own."
            )

    def _check_new(self, status: os.stat_result) -> None:
        """Raise an OAuthError if a file is not its owner's alone although it was created so."""
        mode, uid = stat.S_IMODE(status.st_mode), status.st_uid
        if os.name == "posix" and (mode & (stat.S_IRWXG | stat.S_IRWXO) or uid != os.geteuid()):
            raise OAuthError(
                f"The token file {self._path} was not written: the file system of {self._path.parent} gives every file "
                f"the mode {mode:o} and the owner {uid}, so other users could read it. Choose a path on another file "
                "system, such as in your home directory, or mount this one with your uid and umask=077."
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
        directory.mkdir(stat.S_IRWXU, exist_ok=True)
