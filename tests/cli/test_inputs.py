"""Reading standard input and files line by line."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from exist_async.cli.inputs import Input, open_input, read_lines
from support import until


def is_reading() -> bool:
    return any(thread.name == "reader" for thread in threading.enumerate())


async def test_a_line_that_arrives_after_the_reader_was_cancelled_is_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    read_end, write_end = os.pipe()
    reading = asyncio.create_task(anext(read_lines(Input("a pipe", read_end))))
    await until(is_reading)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    os.write(write_end, b"steps\n")
    await until(lambda: not is_reading())
    await asyncio.sleep(0)

    # Giving the line to nobody would be an error in a callback of the event loop.
    assert caplog.records == []
    os.close(read_end)
    os.close(write_end)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a\r\nb\rc\n\nd", [b"a\r\n", b"b\rc\n", b"\n", b"d"]),
        (b"a\rb\r\nc\nd\r\re\r", [b"a\r", b"b\r\n", b"c\n", b"d\r", b"\r", b"e\r"]),
        (b"a\r", [b"a\r"]),
        (b"\n", [b"\n"]),
        (b"", []),
    ],
)
async def test_lines_are_the_same_in_blocks_of_every_size(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int, content: bytes, lines: list[bytes]
) -> None:
    monkeypatch.setattr("exist_async.cli.inputs._BLOCK_SIZE", size)
    path = tmp_path / "input"
    path.write_bytes(content)

    with open_input(path) as source:
        assert [line async for line in read_lines(source)] == lines


def test_standard_input_that_cannot_be_read_is_reported_in_one_line(
    cli: Callable, standard_input: Callable[[bytes], None], tmp_path: Path
) -> None:
    standard_input(b"")
    directory = os.open(tmp_path, os.O_RDONLY)
    os.dup2(directory, 0)
    os.close(directory)

    assert cli("acquire", "-") == (
        1,
        "",
        "exist-async: write stopped by IsADirectoryError: [Errno 21] Is a directory (0 items: none)\n",
    )
