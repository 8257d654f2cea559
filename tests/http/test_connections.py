"""The bodies of answers: decoded, whole, and never larger than there is room for."""

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from exist_async import AuthenticationError, ExistClient, NoAnswerError, ServerError
from exist_async._http import connections

RawServer = Callable[[Any], Any]

PROFILE = b'{"username": "ada"}'
GZIPPED = gzip.compress(PROFILE, mtime=0)
RAW_DEFLATE = zlib.compress(PROFILE, wbits=-zlib.MAX_WBITS)


def answering(body: bytes, *headers: str, status: str = "200 OK", length: bool = True) -> Any:
    async def answer(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        lines = [
            f"HTTP/1.1 {status}",
            *headers,
            *([f"Content-Length: {len(body)}"] if length else ["Connection: close"]),
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return answer


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", GZIPPED),
        ("GZIP", GZIPPED),
        ("x-gzip", GZIPPED),
        ("deflate", zlib.compress(PROFILE)),
        ("deflate", RAW_DEFLATE),
        ("identity", PROFILE),
        ("identity, gzip", GZIPPED),
    ],
)
@pytest.mark.parametrize("length", [True, False])
async def test_what_was_asked_for_is_decoded(raw_server: RawServer, encoding: str, body: bytes, length: bool) -> None:
    serving = raw_server(answering(body, f"Content-Encoding: {encoding}", length=length))
    async with serving as url, ExistClient("a-token", base_url=url) as client:
        assert (await client.profile.get()).username == "ada"


@pytest.mark.parametrize(
    ("encoding", "body", "words"),
    [
        ("gzip", b"no gzip at all", "can't be decompressed"),
        ("gzip", GZIPPED[:-9], "breaks off"),
        ("br", PROFILE, "'br' was not asked for"),
        ("gzip, gzip", gzip.compress(GZIPPED, mtime=0), "'gzip, gzip' was not asked for"),
    ],
)
async def test_what_cannot_be_decoded_is_no_answer(
    raw_server: RawServer, encoding: str, body: bytes, words: str
) -> None:
    serving = raw_server(answering(body, f"Content-Encoding: {encoding}"))
    async with serving as url, ExistClient("a-token", base_url=url, max_retries=0) as client:
        with pytest.raises(NoAnswerError, match=words):
            await client.profile.get()


@pytest.mark.parametrize("length", [True, False])
async def test_what_is_too_large_is_no_answer(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch, length: bool
) -> None:
    monkeypatch.setattr(connections, "_LARGEST_BODY", len(PROFILE) - 1)
    for body, *headers in [(PROFILE,), (gzip.compress(PROFILE), "Content-Encoding: gzip")]:
        serving = raw_server(answering(body, *headers, length=length))
        async with serving as url, ExistClient("a-token", base_url=url, max_retries=0) as client:
            with pytest.raises(NoAnswerError, match="larger than 16 MiB"):
                await client.profile.get()


async def test_what_is_just_not_too_large_is_an_answer(raw_server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    large = gzip.compress(PROFILE + b" " * 1000)
    monkeypatch.setattr(connections, "_LARGEST_BODY", len(PROFILE) + 1000)
    serving = raw_server(answering(large, "Content-Encoding: gzip"))
    async with serving as url, ExistClient("a-token", base_url=url, max_retries=0) as client:
        assert (await client.profile.get()).username == "ada"


async def test_an_error_is_that_error_even_if_its_words_cannot_be_read(raw_server: RawServer) -> None:
    cases = [("401 Unauthorized", AuthenticationError), ("500 Internal Server Error", ServerError)]
    for status, error in cases:
        serving = raw_server(answering(b"no brotli", "Content-Encoding: br", status=status))
        async with serving as url, ExistClient("a-token", base_url=url, max_retries=0) as client:
            with pytest.raises(error):
                await client.profile.get()
