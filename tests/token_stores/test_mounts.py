"""Token files on mounts that can't do what a usual file system does: found before the refresh token is spent."""
# ruff: noqa: ASYNC240  (they are small files, and nothing else runs on the loop)

import asyncio
import errno
import os
import stat
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from exist_async import ExistClient, FileTokenStore, OAuth2, OAuthApp, OAuthError, OAuthToken
from exist_async.sandbox import Sandbox
from support import Mount

pytestmark = pytest.mark.skipif(os.name != "posix", reason="mounts and modes are POSIX's")

TOKEN = OAuthToken("s3cr3t-access", "s3cr3t-refresh")
LONGER = OAuthToken("s3cr3t-access-two", "s3cr3t-refresh-two")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app" / "tokens.json"


@pytest.fixture(params=["mounted", "emulated"])
async def not_replaceable(
    request: pytest.FixtureRequest, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A token file that is mounted by itself, with the token of ada; without permission to mount, renaming fails."""
    host = tmp_path / "host.json"
    await FileTokenStore(host).save("ada", TOKEN)
    if request.param == "mounted":
        path.parent.mkdir()
        path.touch()
        request.getfixturevalue("mount")("--bind", str(host), str(path))
        return path
    rename = Path.replace

    def fail_to_rename(self: Path, target: Path) -> Path:
        if target == host:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", fail_to_rename)
    return host


@pytest.fixture
async def signed_in(sandbox: Sandbox) -> AsyncGenerator[Callable[[FileTokenStore], Any], None]:
    """Signs ada in at a sandbox, and returns a client of hers."""
    async with sandbox.serve() as url:
        app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:8000/", base_url=url)

        async def sign_in(store: FileTokenStore) -> ExistClient:
            await store.save("ada", await app.exchange(sandbox.authorize(app.authorization_url(["mood_read"])[0])))
            sandbox.expire_tokens()
            sandbox.reset_requests()
            return ExistClient(OAuth2(app, store, "ada"), base_url=url)

        yield sign_in


def refreshes(sandbox: Sandbox) -> int:
    return sum(request.path == "/oauth2/access_token" for request in sandbox.requests)


async def test_a_file_that_can_t_be_replaced_is_written_in_place(not_replaceable: Path) -> None:
    inode = not_replaceable.stat().st_ino
    store = FileTokenStore(not_replaceable)

    await store.check_can_save("ada")
    await store.save("grace", LONGER)
    await store.save("ada", LONGER)
    assert (await store.load("ada"), await store.load("grace")) == (LONGER, LONGER)
    await store.delete("grace")
    await store.save("ada", TOKEN)

    assert (await store.load("ada"), await store.load("grace")) == (TOKEN, None)
    assert b"s3cr3t-access-two" not in not_replaceable.read_bytes()
    assert not_replaceable.stat().st_ino == inode
    assert not list(not_replaceable.parent.glob("*.new"))


async def test_a_file_that_can_t_be_replaced_grows_no_further_when_it_is_checked_again(not_replaceable: Path) -> None:
    store = FileTokenStore(not_replaceable)

    assert not store.lock_can_be_lost
    await store.check_can_save("ada")
    assert store.lock_can_be_lost
    size = not_replaceable.stat().st_size
    await store.check_can_save("ada")

    assert not_replaceable.stat().st_size == size
    assert await store.load("ada") == TOKEN


async def test_a_token_is_renewed_in_a_file_that_can_t_be_replaced(
    not_replaceable: Path, sandbox: Sandbox, signed_in: Callable[[FileTokenStore], Any]
) -> None:
    async with await signed_in(FileTokenStore(not_replaceable)) as exist:
        old = await FileTokenStore(not_replaceable).load("ada")
        assert (await exist.profile.get()).username == "ada"

    assert await FileTokenStore(not_replaceable).load("ada") not in (None, old)
    assert refreshes(sandbox) == 1


async def test_a_half_written_file_is_read_again_when_its_writer_has_finished(
    not_replaceable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileTokenStore(not_replaceable)
    whole = not_replaceable.read_bytes()
    lock = store._locked

    def finish() -> Any:
        not_replaceable.write_bytes(whole)
        return lock()

    not_replaceable.write_bytes(whole[: len(whole) // 2])
    monkeypatch.setattr(store, "_locked", finish)

    assert await store.load("ada") == TOKEN


@pytest.fixture
def full_disk(mount: Mount, tmp_path: Path) -> Path:
    """A file system of 64 kB."""
    directory = tmp_path / "small"
    directory.mkdir()
    mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", str(directory))
    return directory


def fill(directory: Path) -> Path:
    junk = directory / "junk"
    with junk.open("ab", 0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 256)
    return junk


async def test_a_full_disk_is_found_before_the_refresh_token_is_spent(
    full_disk: Path, sandbox: Sandbox, signed_in: Callable[[FileTokenStore], Any]
) -> None:
    store = FileTokenStore(full_disk / "tokens.json")
    async with await signed_in(store) as exist:
        old = await store.load("ada")
        junk = fill(full_disk)

        with pytest.raises(OAuthError, match=r"was not renewed.* could not be saved.*No space left"):
            await exist.profile.get()

        assert refreshes(sandbox) == 0
        assert await store.load("ada") == old
        junk.unlink()
        assert (await exist.profile.get()).username == "ada"


async def test_a_full_disk_leaves_the_old_tokens_in_a_file_that_can_t_be_replaced(
    full_disk: Path, mount: Mount, path: Path
) -> None:
    host = full_disk / "tokens.json"
    path.parent.mkdir()
    path.touch()
    await FileTokenStore(host).save("ada", TOKEN)
    mount("--bind", str(host), str(path))
    store = FileTokenStore(path)
    fill(full_disk)

    for _ in range(3):
        with pytest.raises(OAuthError, match="No space left"):
            await store.check_can_save("ada")
        with pytest.raises(OAuthError, match="No space left"):
            await store.save("grace", OAuthToken("s3cr3t" * 1000))

    assert (await store.load("ada"), await store.load("grace")) == (TOKEN, None)


async def test_a_limit_of_file_sizes_is_found_before_the_refresh_token_is_spent(
    path: Path, sandbox: Sandbox, signed_in: Callable[[FileTokenStore], Any]
) -> None:
    code = f"""
import asyncio, resource, sys
from exist_async import ExistClient, FileTokenStore, OAuth2, OAuthApp, OAuthError
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
async def main(url):
    app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:8000/", base_url=url)
    async with ExistClient(OAuth2(app, FileTokenStore({str(path)!r}), "ada"), base_url=url) as exist:
        try:
            await exist.profile.get()
        except OAuthError as error:
            print(error)
asyncio.run(main(sys.argv[1]))
"""
    store = FileTokenStore(path)
    async with await signed_in(store) as exist:
        url = exist._session.options.base_url
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, url, stdout=asyncio.subprocess.PIPE, env={**os.environ}
        )
        out, _ = await process.communicate()

        assert b"was not renewed, because a new one could not be saved" in out
        assert refreshes(sandbox) == 0
        assert (await exist.profile.get()).username == "ada"


def widen(monkeypatch: pytest.MonkeyPatch, mode: int, uid: int) -> None:
    """Let every file have a mode and an owner of its file system's choice."""
    lstat, fstat = Path.lstat, os.fstat

    def changed(status: os.stat_result) -> os.stat_result:
        return os.stat_result((stat.S_IFMT(status.st_mode) | mode, *status[1:4], uid, *status[5:]))

    monkeypatch.setattr(Path, "lstat", lambda self: changed(lstat(self)))
    monkeypatch.setattr(os, "fstat", lambda descriptor: changed(fstat(descriptor)))


@pytest.mark.parametrize(("mode", "other"), [(0o777, 0), (0o755, 0), (0o600, 1)])
async def test_a_file_system_without_modes_or_owners_is_named_while_saving(
    path: Path, mode: int, other: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileTokenStore(path)
    uid = os.geteuid() + other
    widen(monkeypatch, mode, uid)

    for call in (store.save("ada", TOKEN), store.check_can_save("ada")):
        with pytest.raises(OAuthError, match=rf"file system of {path.parent} .* mode {mode:o} and the owner {uid}"):
            await call

    assert not path.exists()
    assert await store.load("ada") is None


async def test_a_file_system_that_is_mounted_for_one_user_is_good_enough(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    widen(monkeypatch, 0o700, os.geteuid())

    await FileTokenStore(path).save("ada", TOKEN)

    assert await FileTokenStore(path).load("ada") == TOKEN


async def test_a_file_that_others_can_read_for_want_of_modes_is_to_be_moved(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileTokenStore(path)
    await store.save("ada", TOKEN)
    widen(monkeypatch, 0o777, os.geteuid())

    for call in (store.load("ada"), store.save("ada", TOKEN)):
        with pytest.raises(OAuthError, match=r"chmod 600 .* changes nothing, its file system keeps no modes: move"):
            await call
