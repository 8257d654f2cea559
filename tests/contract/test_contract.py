"""The contract: the client reads Exist's answers as expected, and the sandbox gives the same answers."""

import datetime as dt
import json
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from contract.recordings import RECORDINGS, Recording

from exist_async import BatchResult, ExistClient, OutcomeStatus, StatusError
from exist_async.sandbox import Sandbox
from support import Answering

ROOT = "https://exist.io/api/2/"

ALL = pytest.mark.parametrize("recording", RECORDINGS, ids=str)
ANSWERED_BY_THE_SANDBOX = pytest.mark.parametrize(
    "recording", [recording for recording in RECORDINGS if recording.arrange], ids=str
)


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(now=lambda: dt.datetime(2026, 11, 20, 18, 30, 0, 123456, tzinfo=dt.UTC))


@ALL
async def test_the_client_sends_the_request_and_decodes_the_answer(recording: Recording, answering: Answering) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(recording.status, json=recording.body)

    assert await outcome(recording, answering(answer)) == recording.expected

    (request,) = requests
    path, _, query = recording.path.partition("?")
    assert str(request.url.copy_with(query=None)) == ROOT + path
    assert sorted(request.url.params.multi_items()) == sorted(parse_qsl(query))
    assert request.method == ("GET" if recording.sent is None else "POST")
    assert recording.sent == (json.loads(request.content) if request.content else None)


@ANSWERED_BY_THE_SANDBOX
async def test_the_sandbox_gives_the_same_answer(recording: Recording, sandbox: Sandbox) -> None:
    assert recording.arrange is not None
    recording.arrange(sandbox)

    async with httpx.AsyncClient(transport=sandbox.transport(), base_url=ROOT) as client:
        method = "GET" if recording.sent is None else "POST"
        headers = {"Authorization": f"Bearer {sandbox.token}"}
        reply = await client.request(method, recording.path, json=recording.sent, headers=headers)

    assert (reply.status_code, reply.json()) == (recording.status, without(recording.extras, recording.body))


@ANSWERED_BY_THE_SANDBOX
async def test_the_client_gets_from_the_sandbox_what_it_gets_from_exist(
    recording: Recording, exist: ExistClient, sandbox: Sandbox, answering: Answering
) -> None:
    assert recording.arrange is not None
    recording.arrange(sandbox)
    reply = httpx.Response(recording.status, json=without(recording.extras, recording.body))

    assert await outcome(recording, exist) == await outcome(recording, answering(lambda request: reply))


async def outcome(recording: Recording, exist: ExistClient) -> Any:
    """Return the result of a recording's call, in the form of its `expected`."""
    try:
        result = await recording.call(exist)
    except StatusError as error:
        return type(error).__name__, error.detail
    if not isinstance(result, BatchResult):
        return result
    return [
        outcome.value if outcome.status is OutcomeStatus.SUCCEEDED else (outcome.error_code, outcome.error)
        for outcome in result
    ]


def without(names: frozenset[str], body: Any) -> Any:
    """Return JSON without the fields of some names."""
    if isinstance(body, list):
        return [without(names, each) for each in body]
    if isinstance(body, dict):
        return {key: without(names, value) for key, value in body.items() if key not in names}
    return body
