"""A folder of journals: one file for each job, and those of finished jobs are removed when they are old."""

import os
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from jobs_support import DAY, Service, increment, update

from exist_async import ConfigurationError, ExistClient, JournalError, ValueUpdate
from exist_async.jobs import JournalFolder, SyncJob, run


def files(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "journals").iterdir()}


def make_older(tmp_path: Path, days: float) -> None:
    for path in (tmp_path / "journals").iterdir():
        then = time.time() - days * 86_400
        os.utime(path, (then, then))


async def test_each_job_has_a_file_of_its_own(
    service: Service, shared: ExistClient, folder: JournalFolder, tmp_path: Path
) -> None:
    jobs = [update("ada", 1), update("ada", 1)]
    for job in jobs:
        await run(job, shared, service.store, journal=folder)

    assert files(tmp_path) == {f"{job.id}.db" for job in jobs}


async def test_old_journals_of_finished_jobs_are_removed(
    service: Service, shared: ExistClient, folder: JournalFolder, tmp_path: Path
) -> None:
    jobs = [update("ada", 1), increment("ada", 1), SyncJob("ada", "update", [ValueUpdate("nothing", DAY, 1)])]
    service.sandbox.fail_next(1, status=502, path="increment/")  # it is unknown, and so for ever
    for job in jobs:
        await run(job, shared, service.store, journal=folder)
    assert await folder.remove_finished(days=1) == 0

    make_older(tmp_path, 2)

    assert await folder.remove_finished(days=3) == 0
    assert await folder.remove_finished(days=1) == 3
    assert files(tmp_path) == set()


async def test_journals_of_jobs_that_would_go_on_stay_whatever_their_age(
    service: Service, shared: ExistClient, folder: JournalFolder, tmp_path: Path
) -> None:
    lost, refused, signed_out = update("ada", 1), increment("ada", 1), update("eve", 1)
    for status, job in ((502, lost), (400, refused), (400, signed_out)):
        service.sandbox.fail_next(1, status=status)
        with pytest.raises(Exception, match=r"502|400|token"):
            await run(job, shared, service.store, journal=folder)
    make_older(tmp_path, 1000)

    assert await folder.remove_finished() == 0
    assert len(files(tmp_path)) == 3


async def test_a_journal_that_is_open_or_damaged_stays(
    service: Service, shared: ExistClient, folder: JournalFolder, tmp_path: Path
) -> None:
    job = update("ada", 1)
    await run(job, shared, service.store, journal=folder)
    (tmp_path / "journals" / f"{uuid4()}.db").write_bytes(b"no journal" * 1000)
    (tmp_path / "journals" / "notes.txt").write_text("of the owner")
    make_older(tmp_path, 1000)

    async with folder.for_job(job.id):
        assert await folder.remove_finished() == 0

    assert len(files(tmp_path)) == 3


async def test_a_journal_with_more_failures_than_are_known_stays(
    service: Service, shared: ExistClient, folder: JournalFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exist_async.journals.base.MOST_FAILED", 2)
    await run(increment("ada", 1, 2, 3, name="nothing"), shared, service.store, journal=folder)
    make_older(tmp_path, 1000)

    assert await folder.remove_finished() == 0


async def test_a_journal_that_can_t_be_removed_is_an_error(
    service: Service, shared: ExistClient, folder: JournalFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(update("ada", 1), shared, service.store, journal=folder)
    make_older(tmp_path, 1000)

    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)

    with pytest.raises(JournalError, match="can't be used: Permission denied"):
        await folder.remove_finished()


async def test_a_journal_that_is_not_there_yet_is_nothing_to_remove(folder: JournalFolder) -> None:
    assert await folder.remove_finished() == 0


def test_a_folder_that_can_t_be_created_is_an_error_that_says_what_to_check(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    for path in (tmp_path / "no" / "folder", tmp_path / "file"):
        with pytest.raises(JournalError, match=r"can't be created: .* Check that it is a folder"):
            JournalFolder(path).for_job(UUID(int=7))


async def test_a_folder_that_can_t_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(JournalError, match="can't be used"):
        await JournalFolder(tmp_path / "file").remove_finished()


async def test_a_wrong_argument_is_named(folder: JournalFolder) -> None:
    with pytest.raises(ConfigurationError, match="path must be the path"):
        JournalFolder(7)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="retry_refused"):
        JournalFolder("journals", retry_refused=1)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"id must be a uuid\.UUID, not str"):
        folder.for_job("../../somewhere")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="days"):
        await folder.remove_finished(days=-1)


async def test_refused_items_are_sent_again_where_that_is_asked_for(
    service: Service, shared: ExistClient, tmp_path: Path
) -> None:
    job = SyncJob("ada", "update", [ValueUpdate("weight", DAY, 70)])
    first = JournalFolder(tmp_path / "journals")
    assert not (await run(job, shared, service.store, journal=first)).ok
    service.sandbox.add_attribute(template="weight", service=service.sandbox.service)

    assert not (await run(job, shared, service.store, journal=first)).ok
    again = JournalFolder(tmp_path / "journals", retry_refused=True)
    assert (await run(job, shared, service.store, journal=again)).ok
