"""Tokens in a file: only its owner can read it, it is never half written, and processes share it."""
# ruff: noqa: ASYNC240  (they are small files, and nothing else runs on the loop)

import asyncio
import json
import os
import pickle
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from exist_async import ConfigurationError, FileTokenStore, OAuthError, OAuthToken
from exist_async.token_stores import file as file_module

TOKEN = OAuthToken("s3cr3t-access", "s3cr3t-refresh", datetime(2027, 1, 1, tzinfo=UTC), ("mood_read",))

posix = pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX's")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "down" / "tokens.json"


@pytest.fixture
def store(path: Path) -> FileTokenStore:
    return FileTokenStore(path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_another_store_object_loads_the_token(store: FileTokenStore, path: Path) -> None:
    assert await store.load("ada") is None
    await store.save("ada", TOKEN)
    await store.save("grace", OAuthToken("another"))

    assert await FileTokenStore(str(path)).load("ada") == TOKEN
    await store.delete("ada")
    await store.delete("nobody")

    assert await store.load("ada") is None
    assert await store.load("grace") == OAuthToken("another")


@posix
async def test_only_the_owner_can_read_the_files_that_it_creates(store: FileTokenStore, path: Path) -> None:
    before = os.umask(0)
    try:
        async with store.lock("ada"):
            await store.save("ada", TOKEN)
    finally:
        os.umask(before)

    assert mode(path.parent) == mode(path.parent.parent) == 0o700
    assert {mode(made) for made in path.parent.iterdir()} == {0o600}


@posix
async def test_the_new_file_has_its_mode_before_it_is_written(
    store: FileTokenStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode)))

    before = os.umask(0)
    try:
        await store.save("ada", TOKEN)
    finally:
        os.umask(before)

    assert modes == [0o600, 0o700]  # the new file before it is renamed, then its directory


async def test_an_existing_directory_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    await FileTokenStore(tmp_path / "tokens.json").save("ada", TOKEN)

    assert mode(tmp_path) == 0o755


@posix
@pytest.mark.parametrize("wrong", [0o640, 0o604, 0o660, 0o644])
async def test_a_file_that_others_can_read_is_refused(store: FileTokenStore, path: Path, wrong: int) -> None:
    await store.save("ada", TOKEN)
    path.chmod(wrong)

    for call in (store.load("ada"), store.save("ada", TOKEN), store.delete("ada")):
        with pytest.raises(OAuthError, match=rf"\(mode {wrong:o}\).*chmod 600 {path}"):
            await call


@posix
async def test_a_symbolic_link_is_refused(store: FileTokenStore, path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    await FileTokenStore(elsewhere).save("ada", TOKEN)
    before = elsewhere.read_bytes()
    path.parent.mkdir(parents=True)
    path.symlink_to(elsewhere)

    for call in (store.load("ada"), store.save("ada", OAuthToken("new")), store.delete("ada")):
        with pytest.raises(OAuthError, match="symbolic link"):
            await call

    assert path.is_symlink()
    assert elsewhere.read_bytes() == before


@posix
async def test_a_link_that_replaces_the_file_after_the_check_is_not_followed(
    store: FileTokenStore, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    await FileTokenStore(elsewhere).save("ada", TOKEN)
    path.parent.mkdir(parents=True)
    path.symlink_to(elsewhere)
    monkeypatch.setattr(Path, "lstat", Path.stat)

    with pytest.raises(OAuthError, match="can't be used"):
        await store.load("ada")


@posix
@pytest.mark.parametrize("kind", ["open to others", "a pipe"])
async def test_a_file_that_replaces_it_after_the_check_is_checked_too(
    store: FileTokenStore, path: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.save("ada", TOKEN)
    good = path.lstat()
    path.unlink()
    if kind == "a pipe":
        os.mkfifo(path, 0o600)
    else:
        path.write_bytes(b"{}")
        path.chmod(0o644)
    monkeypatch.setattr(Path, "lstat", lambda _: good)

    async with asyncio.timeout(10):
        with pytest.raises(OAuthError, match="not a regular file" if kind == "a pipe" else "mode 644"):
            await store.load("ada")


@posix
async def test_a_file_of_another_user_is_refused(
    store: FileTokenStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.save("ada", TOKEN)
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)

    for call in (store.load("ada"), store.save("ada", TOKEN)):
        with pytest.raises(OAuthError, match=rf"{path} belongs to another user .*\(uid {own}\)"):
            await call


@posix
async def test_a_symbolic_link_as_lock_file_is_refused(store: FileTokenStore, path: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    precious.chmod(0o644)
    async with store.lock("ada"):
        await store.save("ada", TOKEN)
    for lock in path.parent.glob("*.lock"):
        lock.unlink()
        lock.symlink_to(precious)

    for call in (store.save("ada", OAuthToken("new")), store.delete("ada"), store.lock("ada").__aenter__()):
        with pytest.raises(OAuthError, match=f"{path} can't be used"):
            await call

    assert (precious.read_text(), mode(precious)) == ("precious", 0o644)
    assert await store.load("ada") == TOKEN


async def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OAuthError, match="not a regular file"):
        await FileTokenStore(tmp_path).load("ada")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"s3cr3t"',
        b'{"users": []}',
        b'{"users": {"ada": {}}}',
        b'{"users": {"ada": {"access_token": 7}}}',
        b'{"users": {"ada": {"access_token": "s3cr3t token"}}}',
        b"\xff\xfe",
        b'{"users": {"ada": {"access_token": "s3cr3t\xff"}}}',
    ],
)
async def test_a_corrupt_file_is_named_kept_and_not_quoted(store: FileTokenStore, path: Path, content: bytes) -> None:
    await store.save("ada", TOKEN)
    path.write_bytes(content)

    for call in (store.load("ada"), store.save("ada", TOKEN)):
        with pytest.raises(OAuthError, match=f"{path} can't be read.*Move it away") as caught:
            await call
        assert "s3cr3t" not in str(caught.value)
        # The error of the decoder could hold the whole file.
        assert caught.value.__cause__ is caught.value.__context__ is None
    assert path.read_bytes() == content


@pytest.mark.parametrize("step", ["fsync", "replace"])
async def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    store: FileTokenStore, path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    await store.save("ada", TOKEN)
    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), fail)

    with pytest.raises(OAuthError, match="No space left"):
        await store.save("ada", OAuthToken("new"))

    monkeypatch.undo()
    assert await store.load("ada") == TOKEN
    assert sorted(made.name for made in path.parent.iterdir()) == [".tokens.json.lock", "tokens.json"]


async def test_a_process_killed_before_renaming_leaves_the_old_file(store: FileTokenStore, path: Path) -> None:
    await store.save("ada", TOKEN)
    code = f"""
import asyncio, os
from pathlib import Path
from exist_async import FileTokenStore, OAuthToken
Path.replace = lambda *_: os._exit(7)
asyncio.run(FileTokenStore({str(path)!r}).save("ada", OAuthToken("new")))
"""
    killed = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], check=False)

    assert killed.returncode == 7
    assert await store.load("ada") == TOKEN
    await store.save("grace", OAuthToken("after"))
    assert await store.load("grace") == OAuthToken("after")
    assert not list(path.parent.glob("*.new"))


@pytest.mark.slow
async def test_concurrent_saves_of_several_processes_are_all_kept(store: FileTokenStore, path: Path) -> None:
    code = f"""
import asyncio, sys
from exist_async import FileTokenStore, OAuthToken
async def main():
    for n in range(10):
        await FileTokenStore({str(path)!r}).save(f"{{sys.argv[1]}}-{{n}}", OAuthToken("a-token"))
asyncio.run(main())
"""
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", code, name) for name in "abc"]

    assert [await process.wait() for process in processes] == [0, 0, 0]
    assert set(json.loads(path.read_text())["users"]) == {f"{name}-{n}" for name in "abc" for n in range(10)}


async def test_a_lock_that_is_never_released_is_an_error(
    store: FileTokenStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_module, "_LOCK_TIMEOUT", 0.0)

    async with store.lock("ada"):
        with pytest.raises(OAuthError, match=f"{path} is locked by another process"):
            async with FileTokenStore(path).lock("ada"):
                raise AssertionError


async def test_a_lock_held_by_a_process_that_died_is_free(store: FileTokenStore, path: Path) -> None:
    code = f"""
import asyncio, os
from exist_async import FileTokenStore
async def main():
    async with FileTokenStore({str(path)!r}).lock("ada"):
        os._exit(7)
asyncio.run(main())
"""
    killed = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], check=False)
    assert killed.returncode == 7

    async with asyncio.timeout(20), store.lock("ada"):
        pass


async def test_a_file_in_place_of_the_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    store = FileTokenStore(tmp_path / "file" / "tokens.json")

    for call in (store.load("ada"), store.save("ada", TOKEN), store.lock("ada").__aenter__()):
        with pytest.raises(OAuthError, match=r"file/tokens\.json can't be used"):
            await call


async def test_a_relative_path_is_not_affected_by_a_change_of_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = FileTokenStore("tokens.json")
    await store.save("ada", TOKEN)
    monkeypatch.chdir("/")

    assert await store.load("ada") == TOKEN


def test_its_repr_and_pickle_contain_only_the_path(store: FileTokenStore, path: Path) -> None:
    assert repr(store) == repr(pickle.loads(pickle.dumps(store))) == f"FileTokenStore({str(path)!r})"


class BytesPath:
    def __fspath__(self) -> bytes:
        return b"tokens.json"


@pytest.mark.parametrize("user", ["", " ", "a\nb", "\ud800", 7, None])
async def test_an_invalid_user_is_refused(store: FileTokenStore, path: Path, user: Any) -> None:
    for call in (store.load(user), store.save(user, TOKEN), store.delete(user), store.lock(user).__aenter__()):
        with pytest.raises(ConfigurationError, match="user"):
            await call

    assert not path.parent.exists()


@pytest.mark.parametrize("path", ["", None, 7, b"tokens", BytesPath(), "to\0kens", "~nosuchuser/tokens.json", "\ud800"])
def test_an_invalid_path_is_refused(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="path"):
        FileTokenStore(path)
