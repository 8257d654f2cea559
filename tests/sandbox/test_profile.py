"""The profile."""

from datetime import UTC, datetime, timedelta

import httpx

from exist_async.sandbox import Sandbox


async def test_the_profile_has_every_documented_field(exist):
    profile = (await exist.get("accounts/profile/")).json()

    del profile["local_time"]
    assert profile == {
        "username": "ada",
        "first_name": "Ada",
        "last_name": "Example",
        "avatar": "",
        "timezone": "Australia/Melbourne",
        "imperial_distance": False,
        "imperial_weight": False,
        "imperial_energy": False,
        "imperial_liquid": False,
        "imperial_temperature": False,
        "trial": False,
        "delinquent": False,
    }


async def test_local_time_is_now_in_the_users_own_zone_with_microseconds(connect, sandbox):
    user = sandbox.add_user("tonga", timezone="Pacific/Tongatapu")

    async with connect(f"Bearer {sandbox.issue_token(user)}") as exist:
        local_time = (await exist.get("accounts/profile/")).json()["local_time"]

    assert local_time == "2026-11-21T07:30:00.000000+13:00"


async def test_by_default_local_time_is_the_current_time():
    sandbox = Sandbox()
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with httpx.AsyncClient(transport=sandbox.transport(), headers=headers) as exist:
        local_time = (await exist.get("https://exist.test/api/2/accounts/profile/")).json()["local_time"]

    assert abs(datetime.fromisoformat(local_time) - datetime.now(UTC)) < timedelta(minutes=1)


async def test_the_profile_contains_the_fields_of_the_user(exist, sandbox):
    sandbox.user.imperial_weight = True
    sandbox.user.timezone = "Europe/Berlin"

    profile = (await exist.get("accounts/profile/")).json()

    assert profile["imperial_weight"] is True
    assert profile["timezone"] == "Europe/Berlin"


async def test_a_token_without_scopes_can_read_the_profile(connect, sandbox):
    async with connect(f"Bearer {sandbox.issue_token(scopes=[])}") as exist:
        assert (await exist.get("accounts/profile/")).status_code == 200
