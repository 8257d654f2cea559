"""The command `sandbox`."""

import re
import signal
import socket
import subprocess
from collections.abc import Callable

import httpx
import pytest


@pytest.mark.slow
def test_it_says_how_to_reach_it_and_heeds_its_options(script: str) -> None:
    options = ["--port", "0", "--latency", "0.01", "--rate-limit", "1", "--redirect-uri", "http://localhost:9000/back"]
    with subprocess.Popen([script, "sandbox", *options], stdout=subprocess.PIPE, text=True) as running:
        shown = "".join(running.stdout.readline() for _ in range(27))
        url = re.search(r"URL +(http://127\.0\.0\.1:\d+)\n", shown)[1]
        profile = f"{url}/api/2/accounts/profile/"
        headers = {"Authorization": "Bearer sandbox-token"}
        first = httpx.get(profile, headers=headers, trust_env=False)
        second = httpx.get(profile, headers=headers, trust_env=False)
        running.send_signal(signal.SIGINT)

    expected = f"""\
An Exist in memory, until Ctrl-C
  URL            {url}
  token          sandbox-token
  client ID      sandbox-client
  client secret  sandbox-secret
  redirect URI   http://localhost:9000/back

In a browser the URL shows what is in it.

For the command line, in another terminal:
  export EXIST_BASE_URL={url}
  export EXIST_TOKEN=sandbox-token
  exist-async acquire steps mood
  exist-async owned

Or sign in there, as with an app of your own:
  export EXIST_BASE_URL={url}
  export EXIST_CLIENT_ID=sandbox-client EXIST_CLIENT_SECRET=sandbox-secret
  export EXIST_REDIRECT_URI=http://localhost:9000/back
  exist-async login

In Python the URL is given as base_url; EXIST_BASE_URL is for the command line alone:
  async with ExistClient("sandbox-token", base_url="{url}") as exist:
      await exist.attributes.acquire(["steps", "mood"])

To sign users in there, the app is given it as well:
  app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:9000/back", base_url="{url}")
"""
    assert shown == expected
    assert first.status_code == 200
    assert first.elapsed.total_seconds() >= 0.01
    assert second.status_code == 429


def test_a_port_that_is_taken_is_one_line(cli: Callable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert cli("sandbox", "--port", str(port)) == (
            1,
            "",
            (
                f"exist-async: port {port} can't be had (Address already in use): choose another with --port, or 0 "
                "for any free one\n"
            ),
        )


def test_a_redirect_uri_that_is_none_is_one_line(cli: Callable) -> None:
    assert cli("sandbox", "--redirect-uri", "localhost") == (
        2,
        "",
        "exist-async: redirect_uri must be an absolute URL without a fragment, not 'localhost'\n",
    )


@pytest.mark.slow
def test_a_sample_is_there_to_begin_with(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--port", "0", "--sample"]
    with subprocess.Popen([script, "sandbox", *options], stdout=subprocess.PIPE, text=True) as running:
        shown = "".join(running.stdout.readline() for _ in range(3))
        monkeypatch.setenv("EXIST_BASE_URL", re.search(r"URL +(http://127\.0\.0\.1:\d+)\n", shown)[1])
        owned = subprocess.check_output([script, "owned"], text=True)
        running.send_signal(signal.SIGINT)

    assert [line.split("\t")[0] for line in owned.splitlines()] == [
        "steps",
        "headache",
        "read_a_book",
        "went_running",
        "mood",
        "mood_note",
        "coffees",
    ]


@pytest.mark.slow
def test_an_attio_says_how_to_reach_it_and_heeds_its_options(script: str) -> None:
    options = ["--attio", "--port", "0", "--latency", "0.01", "--rate-limit", "1"]
    with subprocess.Popen([script, "sandbox", *options], stdout=subprocess.PIPE, text=True) as running:
        shown = "".join(running.stdout.readline() for _ in range(15))
        url = re.search(r"URL +(http://127\.0\.0\.1:\d+)\n", shown)[1]
        headers = {"Authorization": "Bearer sandbox-token"}
        first, second = (
            httpx.get(f"{url}/v2/objects/people/attributes", headers=headers, trust_env=False) for _ in range(2)
        )
        running.send_signal(signal.SIGINT)

    assert (
        shown
        == f"""\
An Attio in memory, until Ctrl-C
  URL      {url}
  token    sandbox-token
  objects  people, companies, deals
  lists    sales, hiring

In another terminal:
  curl -H "Authorization: Bearer sandbox-token" {url}/v2/objects/people/attributes

In Python the URL is given as base_url:
  from exist_async.attio import AttioClient

  async with AttioClient("sandbox-token", base_url="{url}") as attio:
      async for attribute in attio.attributes.list("objects", "people"):
          print(attribute.title)
"""
    )
    assert first.status_code == 200
    assert first.elapsed.total_seconds() >= 0.01
    assert (second.status_code, second.json()["type"]) == (429, "rate_limit_error")


@pytest.mark.parametrize("option", [["--sample"], ["--redirect-uri", "http://localhost:9000/back"]])
def test_what_is_about_exist_does_not_go_with_an_attio(cli: Callable, option: list[str]) -> None:
    assert cli("sandbox", "--attio", *option) == (
        2,
        "",
        f"exist-async: {option[0]} is about Exist: it does not go with --attio\n",
    )
