"""Reads the body of an answer whole, undoes its encoding, and bounds both."""

import zlib

import aiohttp

_LARGEST = 16 * 1024 * 1024
_TOO_LARGE = f"it has more than {_LARGEST // 1024 // 1024} MiB"
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_GZIP = b"\x1f\x8b"
_NAMED = 5
_PIECE = 1024 * 1024
# Anything else may be the request's credentials, and is not quoted.
_KNOWN = frozenset(("gzip", "x-gzip", "deflate", "br", "zstd", "compress"))


class BodyError(Exception):
    """The body is too large, or its encoding is broken or unknown."""


async def read(response: aiohttp.ClientResponse) -> bytes:
    """Read the body of an answer.

    Raises:
        BodyError: It has more than 16 MiB, as it came or decoded, or it can't be decoded.
    """
    length = response.content_length
    if length is None:
        body = await _read_bounded(response)
    elif length <= _LARGEST:
        # No more than was announced is ever read.
        body = await response.read()
    else:
        raise BodyError(_TOO_LARGE)
    names = ",".join(response.headers.getall("Content-Encoding", ())).lower().split(",")
    encodings = [name.strip() for name in names if name.strip() not in ("", "identity")]
    if not encodings or not body:
        return body
    if len(encodings) > 1 or encodings[0] not in ("gzip", "x-gzip", "deflate"):
        named = ", ".join(name if name in _KNOWN else "(unknown)" for name in encodings[:_NAMED])
        raise BodyError(f"its content encoding {named!r} was not asked for")
    return _decompress(body)


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > _LARGEST:
            raise BodyError(_TOO_LARGE)
        parts.append(part)
    return b"".join(parts)


def _decompress(body: bytes) -> bytes:
    # What calls itself "deflate" comes with zlib's header or without one.
    is_zlib = body[0] & 15 == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0
    decompressor = zlib.decompressobj(_GZIP_OR_ZLIB if is_zlib or body[:2] == _GZIP else -zlib.MAX_WBITS)
    parts: list[bytes] = []
    size = 0
    rest = body
    while not decompressor.eof:
        try:
            # In pieces: to be grown in one, what is too large would take twice the memory.
            part = decompressor.decompress(rest, _PIECE)
        except zlib.error as error:
            raise BodyError(f"it can't be decompressed: {error}") from error
        rest = decompressor.unconsumed_tail
        if not (part or rest or decompressor.eof):
            raise BodyError("it is compressed, and breaks off")
        size += len(part)
        if size > _LARGEST:
            raise BodyError(_TOO_LARGE)
        parts.append(part)
    return b"".join(parts)
