"""What all writes have in common."""

import pytest

WRITES = pytest.mark.parametrize(
    "write", [f"attributes/{verb}/" for verb in ("create", "acquire", "release", "update", "increment")]
)


@WRITES
async def test_an_empty_array_is_a_success(exist, write):
    answer = await exist.post(write, json=[])

    assert answer.status_code == 200
    assert answer.json() == {"success": [], "failed": []}


@WRITES
@pytest.mark.parametrize(
    ("body", "kind"), [(b'{"name": "mood"}', "dict"), (b'"mood"', "str"), (b"7", "int"), (b"null", "NoneType")]
)
async def test_a_body_that_is_no_array_is_a_bad_request(exist, write, body, kind):
    answer = await exist.post(write, content=body)

    assert answer.status_code == 400
    assert answer.json() == {"detail": f'Expected a list of items but got type "{kind}".'}


@WRITES
@pytest.mark.parametrize("body", [b"", b"[", b"[{'name': 'mood'}]", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_no_json_is_a_bad_request(exist, write, body):
    answer = await exist.post(write, content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("JSON parse error - ")


async def test_a_body_declared_as_something_else_is_not_understood(exist):
    answer = await exist.post("attributes/acquire/", data={"name": "mood"})

    assert answer.status_code == 415
    assert answer.json() == {"detail": 'Unsupported media type "application/x-www-form-urlencoded" in request.'}


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "Application/JSON; charset=utf-8"}])
async def test_a_body_may_be_undeclared_or_declared_in_detail(exist, headers):
    answer = await exist.post("attributes/acquire/", content=b'[{"template": "mood"}]', headers=headers)

    assert answer.status_code == 200


@WRITES
async def test_thirty_five_objects_are_taken(exist, write):
    answer = await exist.post(write, json=[{}] * 35)

    assert answer.status_code == 202
    assert len(answer.json()["failed"]) == 35


async def test_more_than_thirty_five_objects_are_refused_and_nothing_is_done(exist, sandbox):
    answer = await exist.post("attributes/acquire/", json=[{"template": "mood"}] * 36)

    assert answer.status_code == 400
    assert answer.json() == {"non_field_errors": ["Ensure this field has no more than 35 elements."]}
    assert sandbox.user.attributes == []


@WRITES
async def test_elements_that_are_no_objects_fail_alone(exist, write):
    answer = await exist.post(write, json=["mood", 7, None, ["mood"]])

    assert answer.status_code == 202
    assert answer.json() == {
        "success": [],
        "failed": [
            {"error": f"Object at index {index} is not an object", "error_code": "validation"} for index in range(4)
        ],
    }


async def test_replies_keep_the_order_of_the_request(exist):
    names = ["weight", "nothing", "mood", "nowhere", "steps"]

    answer = (await exist.post("attributes/acquire/", json=[{"template": name} for name in names])).json()

    assert [item["template"] for item in answer["success"]] == ["weight", "mood", "steps"]
    assert [item["template"] for item in answer["failed"]] == ["nothing", "nowhere"]
