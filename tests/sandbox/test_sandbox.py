"""Settings of the sandbox, and invalid arguments."""

import importlib
import subprocess
import sys
import time

import httpx
import pytest

import exist_async.sandbox
from exist_async.sandbox import READ_SCOPES, SCOPES, Sandbox


def test_there_are_thirty_four_scopes_and_half_of_them_read():
    assert (len(SCOPES), len(READ_SCOPES)) == (34, 17)
    assert {"manual_read", "activity_read", "custom_read"} < READ_SCOPES
    assert {"manual_write", "activity_write", "custom_write"} < SCOPES - READ_SCOPES


async def test_the_first_token_can_be_given():
    sandbox = Sandbox(token="mine")

    async with httpx.AsyncClient(transport=sandbox.transport(), headers={"Authorization": "Bearer mine"}) as exist:
        assert (await exist.get("https://exist.test/api/2/accounts/profile/")).status_code == 200


def test_the_first_service_can_be_given():
    sandbox = Sandbox(client_id="mine", client_secret="hidden", redirect_uri="https://app.test/back")
    service = sandbox.service

    assert (service.name, service.label) == ("my_client", "My client")
    assert (service.client_id, service.client_secret) == ("mine", "hidden")
    assert service.redirect_uri == "https://app.test/back"


def test_every_service_has_its_own_client_id_and_secret(sandbox):
    first, second = sandbox.add_service("first", "First"), sandbox.add_service("second", "Second")

    assert (first.client_id, second.client_id) == ("first", "second")
    assert len({first.client_secret, second.client_secret, sandbox.service.client_secret}) == 3
    assert first.client_secret not in repr(first)


async def test_a_token_value_can_be_given_but_not_twice(connect, sandbox):
    assert sandbox.issue_token(token="chosen") == "chosen"
    async with connect("Bearer chosen") as exist:
        assert (await exist.get("attributes/")).status_code == 200
    with pytest.raises(ValueError, match="token is already in use"):
        sandbox.issue_token(token="chosen")


def test_random_tokens_differ(sandbox):
    assert len({sandbox.token, sandbox.issue_token(), sandbox.issue_token(), sandbox.issue_simple_token()}) == 4


async def test_a_token_has_the_scopes_of_its_service_by_default(connect, sandbox):
    reader = sandbox.add_service("reader", "Reader", scopes=["mood_read"])
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(template="sleep")

    async with connect(f"Bearer {sandbox.issue_token(service=reader)}") as exist:
        assert (await exist.get("attributes/")).json()["count"] == 1
    async with connect(f"Bearer {sandbox.issue_token(service=reader, scopes=['mood_read', 'sleep_read'])}") as exist:
        assert (await exist.get("attributes/")).json()["count"] == 2


async def test_each_request_waits_for_the_latency_which_may_be_changed(exist, sandbox):
    sandbox.latency = 0.03
    started = time.monotonic()
    await exist.get("attributes/")

    assert time.monotonic() - started >= 0.03
    assert (sandbox.latency, Sandbox(latency=0.5).latency) == (0.03, 0.5)


@pytest.mark.parametrize("scopes", [["mood"], "mood_read mood_write", ["mood_read", "moood_read"]])
def test_unknown_scopes_are_rejected(sandbox, scopes):
    with pytest.raises(ValueError, match="unknown scopes: "):
        sandbox.issue_token(scopes=scopes)
    with pytest.raises(ValueError, match="unknown scopes: "):
        sandbox.add_service("reader", "Reader", scopes)


def test_a_string_is_a_single_scope(sandbox):
    assert sandbox.add_service("reader", "Reader", "mood_read").scopes == {"mood_read"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.add_user("ada"), "username 'ada' is already in use"),
        (lambda s: s.add_user("grace", timezone="Mars/Phobos"), "unknown time zone 'Mars/Phobos'"),
        (lambda s: s.add_user("grace", timezone="Australia"), "unknown time zone 'Australia'"),
        (lambda s: s.add_service("my_client", "Again"), "service name 'my_client' is already in use"),
        (
            lambda s: s.add_service("other", "Other", client_id="sandbox-client"),
            "client_id 'sandbox-client' is already in use",
        ),
        (lambda s: s.add_service("other", "Other", redirect_uri="/callback"), "redirect_uri must be an absolute URL"),
        (lambda s: s.add_service("other", "Other", redirect_uri="https://a.test/#b"), "without a fragment"),
        (lambda s: setattr(s, "token_lifetime", 0), "token_lifetime must be at least 1 second, not 0"),
        (lambda s: s.add_attribute(template="moood"), "unknown template 'moood'"),
        (lambda s: s.add_attribute(template="mood"), "user 'ada' already has an attribute from the template 'mood'"),
        (lambda s: s.add_attribute(name="tag"), "user 'ada' already has an attribute 'tag'"),
        (lambda s: s.add_attribute(name="x", group="moood"), "unknown group 'moood'"),
        (lambda s: s.add_attribute(), "a custom attribute needs name or label"),
        (lambda s: setattr(s, "latency", -1), "latency must be a finite number"),
        (lambda s: Sandbox(latency=-1), "latency must be a finite number"),
    ],
)
def test_invalid_arguments_are_rejected(sandbox, call, message):
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(name="tag")

    with pytest.raises(ValueError, match=message):
        call(sandbox)


async def test_an_attribute_can_be_changed_directly_except_its_name(exist, sandbox):
    mood = sandbox.add_attribute(template="mood", priority=3)
    mood.active = False

    assert mood.priority == 3
    assert (await exist.get("attributes/")).json()["count"] == 0
    with pytest.raises(AttributeError):
        mood.name = "moood"


@pytest.mark.parametrize("missing", ["jinja2", "python_multipart", "starlette", "uvicorn"])
def test_without_its_packages_the_import_error_names_the_extra(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(ImportError) as raised:
        importlib.reload(exist_async.sandbox)

    assert str(raised.value) == (
        'The sandbox needs jinja2, python-multipart, starlette and uvicorn: pip install "exist-async[sandbox]"'
    )


@pytest.mark.slow
@pytest.mark.parametrize("package", ["uvicorn", "jinja2"])
def test_slow_packages_are_imported_late(package):
    script = f"import sys, exist_async.sandbox; sys.exit({package!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
