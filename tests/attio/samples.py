"""A request and answers of Attio, written by hand in the format of its documentation."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from exist_async.attio import AttioClient

Asking = Callable[..., AttioClient]
"""Type of the fixture `asking`."""

ID = {
    "workspace_id": "14beef7a-99f7-4534-a87e-70b564330a4c",
    "object_id": "97052eb9-e65e-443f-a297-f2d9a4a7f795",
    "attribute_id": "41252299-f8c7-4b5e-99c9-4ff8321d2f96",
}

UPDATE = {
    "data": {
        "title": "Your Attribute",
        "description": "Lorem ipsum",
        "api_slug": "my-attribute",
        "is_required": True,
        "is_unique": True,
        "default_value": {"type": "static", "template": [{"value": 5}]},
        "config": {
            "currency": {"default_currency_code": "USD", "display_type": "symbol"},
            "record_reference": {"allowed_objects": ["people"]},
        },
        "is_archived": False,
    }
}

ATTRIBUTE: dict[str, Any] = {
    "id": ID,
    "title": "Company",
    "description": "A company attribute",
    "api_slug": "company",
    "type": "record-reference",
    "is_system_attribute": False,
    "is_writable": True,
    "is_required": False,
    "is_unique": False,
    "is_multiselect": False,
    "is_default_value_enabled": False,
    "is_archived": False,
    "default_value": None,
    "relationship": {
        "id": ID,
        "object_slug": "companies",
        "title": "Team members",
        "api_slug": "team_members",
        "is_multiselect": True,
    },
    "created_at": "2021-11-21T13:22:49.061Z",
    "config": {
        "currency": {"default_currency_code": None, "display_type": None},
        "record_reference": {"allowed_object_ids": ["companies"]},
    },
}


def attribute(**changes: Any) -> dict[str, Any]:
    return {**ATTRIBUTE, **changes}


def data(value: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"data": value})


def refusal(status: int, kind: str, code: str, message: str, **more: Any) -> httpx.Response:
    body = {"status_code": status, "type": kind, "code": code, "message": message, **more}
    return httpx.Response(status, json=body, headers={"x-attio-execution-id": "exec-1"})


class Script:
    """Sends one answer after another, and then repeats the last one."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def sent(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]
