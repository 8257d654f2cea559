"""The latest requests as the front pages show them: with their time, and how long they took."""

from datetime import datetime
from typing import Final
from urllib.parse import unquote

import attrs

from exist_async.sandbox.html_pages import FRONT_PATH
from exist_async.sandbox.recorder import RecordedRequest, Recorder
from exist_async.sandbox.value_text import shorten

__all__ = ["RequestLog", "RequestRow", "read_request_log"]

_REQUESTS_SHOWN: Final = 30
_PATH_SHOWN: Final = 200


@attrs.frozen
class RequestRow:
    """A request as a row of text.

    Attributes:
        time: Time of arrival, with its date unless that is today.
        machine_time: Time of arrival in ISO 8601.
        method: "GET", "POST", …
        path: The decoded path.
        user: Username (Exist) or workspace (Attio) of the token, or None.
        status: Status of the reply, or None.
        took: Time until the reply was ready; empty without a reply.
    """

    time: str
    machine_time: str
    method: str
    path: str
    user: str | None
    status: int | None
    took: str


@attrs.frozen
class RequestLog:
    """The latest requests, newest first.

    Attributes:
        rows: The requests.
        now: Time at which the page was made.
        zone: Offset of all times from UTC, such as "UTC+01:00".
    """

    rows: list[RequestRow]
    now: str
    zone: str


def read_request_log(recorder: Recorder, now: datetime) -> RequestLog:
    """Return the last 30 requests, without those for the front page; times are in this machine's time zone."""
    local = now.astimezone()
    offset = f"{local:%z}"
    zone = "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:5]}"
    latest = recorder.latest(_REQUESTS_SHOWN, exclude_path=FRONT_PATH)
    return RequestLog([_to_row(request, local) for request in latest], f"{local:%H:%M:%S}", zone)


def _to_row(request: RecordedRequest, now: datetime) -> RequestRow:
    moment = request.received_at.astimezone(now.tzinfo)
    return RequestRow(
        time=f"{moment:%H:%M:%S}" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M:%S}",
        machine_time=moment.isoformat(timespec="milliseconds"),
        method=shorten(request.method, 20),
        path=shorten(_decode(request.path), _PATH_SHOWN),
        user=request.user,
        status=request.status,
        took="" if request.seconds is None else _format_seconds(request.seconds),
    )


def _decode(path: str) -> str:
    # An encoded slash is part of a segment, and stays as it is.
    return "/".join(unquote(segment).replace("/", "%2F") for segment in path.split("/"))


def _format_seconds(seconds: float) -> str:
    if seconds >= 0.9995:
        return f"{seconds:,.1f} s"
    if seconds < 0.0001:
        return "< 0.1 ms"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.00995 else f"{seconds * 1000:.1f} ms"
