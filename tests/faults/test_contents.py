"""Faults of what an answer contains: its encoding, its size, its kind."""

import gzip
import struct
import time
import tracemalloc
import zlib
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from faults.scripts import CHUNKED, EVE, endless, sending
from faults.server import OK, Talk, whole
from faults.wire import compare

pytestmark = pytest.mark.usefixtures("nothing_left")

MILLION = 1_000_000
MB = 1_000_000


@contextmanager
def memory_below(most: int) -> Generator[None, None, None]:
    """Check that never more memory was taken meanwhile."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < most


def encoded(encoding: bytes, body: bytes) -> bytes:
    return whole(body, b"Content-Type: application/json\r\nContent-Encoding: %s\r\n" % encoding)


async def name_the_token_as_encoding(talk: Talk) -> None:
    request = await talk.applied()
    await talk.send(encoded(request.headers["authorization"].removeprefix("Bearer ").encode(), EVE))


async def test_a_body_that_cannot_be_decoded_is_asked_for_once_more() -> None:
    zipped = gzip.compress(EVE)
    seen = await compare(
        21,
        {
            "bad": sending(encoded(b"gzip", EVE)),
            "truncated": sending(encoded(b"gzip", zipped[:-9])),
            "nested": sending(encoded(b"gzip, gzip", gzip.compress(zipped))),
            "unknown": sending(encoded(b"br", EVE)),
            "the token": name_the_token_as_encoding,
        },
    )

    assert "'br'" in str(seen["get"]["unknown"].error)


def bomb() -> bytes:
    """Return a gzip body of 300 MB, of which each is the same few bytes."""
    plain, compressor = b" " * MB, zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = compressor.compress(plain) + compressor.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(300):
        checksum = zlib.crc32(plain, checksum)
    head, end = gzip.compress(b"")[:10], zlib.compress(b"")[2:-4]
    return head + block * 300 + end + struct.pack("<II", checksum, 300 * MB)


@pytest.mark.slow
async def test_a_gzip_bomb_takes_little_memory() -> None:
    body = bomb()
    assert len(body) < MB

    with memory_below(32 * MB):
        seen = await compare(22, {"": sending(encoded(b"gzip", body))}, in_turn=True)

    assert "larger than 16 MiB" in str(seen["get"][""].error)


async def test_an_endless_body_ends_at_the_largest_size() -> None:
    more = b" " * 65_536
    faults = {
        "until the end": endless(OK + b"\r\n", more),
        "chunked": endless(CHUNKED, b"10000\r\n%s\r\n" % more),
        "announced": endless(OK + b"Content-Length: 1000000000000\r\n\r\n", more),
    }
    with memory_below(32 * MB):
        seen = await compare(23, faults, in_turn=True)

    assert all("larger than 16 MiB" in str(seen["get"][name].error) for name in faults)


async def test_a_success_that_is_no_json_says_what_it_is() -> None:
    seen = await compare(
        24,
        {
            "HTML": sending(whole(b"<html>welcome</html>", b"Content-Type: text/html\r\n")),
            "empty": sending(whole(b"", b"Content-Type: text/plain\r\n")),
            "a 204": sending(b"HTTP/1.1 204 No Content\r\n\r\n"),
        },
    )

    for kind in seen:
        assert "answered 200 with text/html" in str(seen[kind]["HTML"].error)
        assert "answered 200 with text/plain" in str(seen[kind]["empty"].error)
        assert "answered 204 with no content type" in str(seen[kind]["a 204"].error)


async def test_an_answer_with_a_million_entries_is_not_read() -> None:
    # Of a profile, which has no such field, they are skipped.
    body = b'{"username": "eve", "failed": [%s{}]}' % (b"{}," * MILLION)

    start = time.process_time()
    with memory_below(32 * MB):
        seen = await compare(55, {"": sending(encoded(b"gzip", gzip.compress(body)))}, in_turn=True)

    for kind in ("update", "increment"):
        assert "much larger than an answer to these items" in str(seen[kind][""].error.__cause__)
    # Building the models of so many entries takes seconds.
    assert time.process_time() - start < 5
