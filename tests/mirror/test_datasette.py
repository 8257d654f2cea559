"""Datasette, as people start it, shows a mirror of ten years of 120 attributes."""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from mirror_worker import END, NOON

from exist_async import ExistClient
from exist_async.mirror import Mirror
from exist_async.sandbox import Sandbox

pytestmark = pytest.mark.slow

DAYS = 3650


async def get(file: Path, path: str) -> Any:
    """Request a path of a Datasette that has a file open, as the guide starts it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "datasette", str(file), "--setting", "suggest_facets", "off", "--get", path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return json.loads(out)


async def test_datasette_shows_the_wide_view_within_its_time_limit_of_a_second(tmp_path: Path) -> None:
    sandbox = Sandbox(now=lambda: NOON)
    for number in range(120):
        sandbox.add_attribute(name=f"attribute_{number}", group="health", value_type=0, service=sandbox.service)
        sandbox.set_values(f"attribute_{number}", {END - timedelta(days=ago): ago for ago in range(DAYS)})
    file = tmp_path / "exist.db"
    async with httpx.AsyncClient(transport=sandbox.transport()) as http_client, Mirror(file) as mirror:
        exist = ExistClient(sandbox.token, http_client=http_client, rate_limiter=None)
        await mirror.pull(exist, since=END - timedelta(days=DAYS - 1), parts=())

    page = await get(file, "/exist/wide.json?_shape=objects&_sort_desc=date&attribute_7__gte=3&attribute_7__lte=3")
    assert [(row["date"], row["attribute_0"]) for row in page["rows"]] == [("2026-11-17", 3)]

    page = await get(file, "/exist/wide.json")
    assert len(page["rows"]) == 100
    assert len(page["columns"]) == 121
    assert page["query_ms"] < 1000
    tables = await get(file, "/exist.json")
    assert {"attribute", "value", "average", "correlation", "insight", "profile", "pull"} <= {
        table["name"] for table in tables["tables"]
    }
