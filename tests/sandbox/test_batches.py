"""Behaviour that all batch writes share."""

import pytest

WRITES = pytest.mark.parametrize(
    "write", [f"attributes/{verb}/" for verb in ("create", "acquire", "release", "update", "increment")]
)


@WRITES
async def test_an_empty_array_is_a_success(exist, write):
    reply = await exist.post(write, json=[])

    assert reply.status_code == 200
    assert reply.json() == {"success": [], "failed": []}


@WRITES
@pytest.mark.parametrize(
    ("body", "kind"), [(b'{"name": "mood"}', "dict"), (b'"mood"', "str"), (b"7", "int"), (b"null", "NoneType")]
)
async def test_a_body_that_is_not_an_array_is_a_bad_request(exist, write, body, kind):
    reply = await exist.post(write, content=body)

    assert reply.status_code == 400
    assert reply.json() == {"detail": f'Expected a list of items but got type "{kind}".'}


@WRITES
@pytest.mark.parametrize("body", [b"", b"[", b"[{'name': 'mood'}]", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_not_json_is_a_bad_request(exist, write, body):
    reply = await exist.post(write, content=body, headers={"Content-Type": "application/json"})

    assert reply.status_code == 400
    assert reply.json()["detail"].startswith("JSON parse error - ")


async def test_another_content_type_is_unsupported(exist):
    reply = await exist.post("attributes/acquire/", data={"name": "mood"})

    assert reply.status_code == 415
    assert reply.json() == {"detail": 'Unsupported media type "application/x-www-form-urlencoded" in request.'}


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "Application/JSON; charset=utf-8"}])
async def test_the_content_type_may_be_absent_or_have_parameters(exist, headers):
    reply = await exist.post("attributes/acquire/", content=b'[{"template": "mood"}]', headers=headers)

    assert reply.status_code == 200


@WRITES
async def test_thirty_five_objects_are_accepted(exist, write):
    reply = await exist.post(write, json=[{}] * 35)

    assert reply.status_code == 202
    assert len(reply.json()["failed"]) == 35


async def test_more_than_thirty_five_objects_are_rejected_and_nothing_is_written(exist, sandbox):
    reply = await exist.post("attributes/acquire/", json=[{"template": "mood"}] * 36)

    assert reply.status_code == 400
    assert reply.json() == {"non_field_errors": ["Ensure this field has no more than 35 elements."]}
    assert sandbox.user.attributes == []


@WRITES
async def test_elements_that_are_not_objects_fail_alone(exist, write):
    reply = await exist.post(write, json=["mood", 7, None, ["mood"]])

    assert reply.status_code == 202
    assert reply.json() == {
        "success": [],
        "failed": [
            {"error": f"Object at index {index} is not an object", "error_code": "validation"} for index in range(4)
        ],
    }


async def test_replies_keep_the_order_of_the_request(exist):
    names = ["weight", "nothing", "mood", "nowhere", "steps"]

    reply = (await exist.post("attributes/acquire/", json=[{"template": name} for name in names])).json()

    assert [item["template"] for item in reply["success"]] == ["weight", "mood", "steps"]
    assert [item["template"] for item in reply["failed"]] == ["nothing", "nowhere"]
