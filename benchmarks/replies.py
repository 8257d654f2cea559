"""The answers of the loopback server, in the formats of Exist's documentation."""

import datetime as dt
import json
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

OWNED: Final = 3400
"""Number of attributes in the listing of owned attributes."""

WITH_VALUES: Final = 120
"""Number of attributes in the listing with values."""

_OWN: Final = {"name": "my_client", "label": "My client"}
_GROUP: Final = {"name": "custom", "label": "Daily tags", "priority": 3}
_PROFILE: Final = b'{"username":"ada","local_time":"2026-11-20T12:00:00+00:00"}'


def reply(method: str, target: str, body: bytes) -> bytes:
    """Answer a request, whatever it is, with success."""
    path, _, query = target.partition("?")
    params = dict(parse_qsl(query))
    if method == "POST":
        return _written(json.loads(body), whole="success_objects" in params)
    number, size = int(params.get("page", "1")), int(params.get("limit", "20"))
    if path.endswith("/with-values/"):
        return values_page(params["date_max"], int(params["days"]), number, size)
    if path.endswith("/attributes/"):
        return page(number, size, WITH_VALUES)
    return page(number, size) if path.endswith("/owned/") else _PROFILE


@lru_cache(maxsize=16_384)
def attribute(name: str) -> bytes:
    """Return an attribute as Exist's documentation shows one."""
    fields = {**_fields(name), "available_services": [_OWN, {"name": "oura", "label": "Oura"}]}
    return _json(fields)


@lru_cache(maxsize=64)
def page(number: int, size: int, count: int = OWNED) -> bytes:
    """Return a page of a listing of so many attributes: by default, of the owned ones."""
    names = [f"tag_{n}" for n in range(count)]
    return _page([attribute(name) for name in names[(number - 1) * size : number * size]], number, size, count)


@lru_cache(maxsize=512)
def values_page(last: str, days: int, number: int, size: int) -> bytes:
    """Return a page of the listing with values, which has a value for every day."""
    end = dt.date.fromisoformat(last)
    dates = [(end - dt.timedelta(days=ago)).isoformat() for ago in range(days)]
    listed = [
        b'%b,"values":[%b]}'
        % (
            _json(_fields(f"tag_{n}"))[:-1],
            b",".join(b'{"date":"%b","value":%d}' % (day.encode(), n * ago) for ago, day in enumerate(dates)),
        )
        for n in range(WITH_VALUES)[(number - 1) * size : number * size]
    ]
    return _page(listed, number, size, WITH_VALUES)


def _written(items: list[dict[str, object]], *, whole: bool) -> bytes:
    done = [attribute(str(item["name"])) if whole else _json(item) for item in items]
    return b'{"success":[%b],"failed":[]}' % b",".join(done)


def _fields(name: str) -> dict[str, object]:
    return {
        "template": None,
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "group": _GROUP,
        "service": _OWN,
        "active": True,
        "priority": 1,
        "manual": False,
        "value_type": 0,
        "value_type_description": "Integer",
    }


def _page(results: list[bytes], number: int, size: int, count: int) -> bytes:
    following = _json(f"https://exist.io/?page={number + 1}" if number * size < count else None)
    return b'{"count":%d,"next":%b,"previous":null,"results":[%b]}' % (count, following, b",".join(results))


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
