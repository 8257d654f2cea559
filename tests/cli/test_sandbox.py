"""The command `sandbox`."""

import re
import signal
import socket
import subprocess
from collections.abc import Callable

import httpx
import pytest

from exist_async.sandbox import Sandbox


def stop(running: subprocess.Popen[str]) -> None:
    """End the sandbox with Ctrl-C."""
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=20) == 130


def test_it_prints_instructions_and_applies_its_options(start: Callable) -> None:
    options = ["--port", "0", "--latency", "0.01", "--rate-limit", "1", "--period", "20"]
    running = start("sandbox", *options, "--redirect-uri", "http://localhost:9000/back", text=True)
    printed = "".join(running.stdout.readline() for _ in range(27))
    url = re.search(r"URL +(http://127\.0\.0\.1:\d+)\n", printed)[1]
    profile = f"{url}/api/2/accounts/profile/"
    headers = {"Authorization": "Bearer sandbox-token"}
    first = httpx.get(profile, headers=headers, trust_env=False)
    second = httpx.get(profile, headers=headers, trust_env=False)
    stop(running)

    expected = f"""\
Exist sandbox, in memory; press Ctrl-C to stop it
  URL            {url}
  token          sandbox-token
  client ID      sandbox-client
  client secret  sandbox-secret
  redirect URI   http://localhost:9000/back

Open the URL in a browser to see the sandbox's data.

To use it from the command line, in another terminal:
  export EXIST_BASE_URL={url}
  export EXIST_TOKEN=sandbox-token
  exist-async acquire steps mood
  exist-async owned

Or sign in, as with an app of your own:
  export EXIST_BASE_URL={url}
  export EXIST_CLIENT_ID=sandbox-client EXIST_CLIENT_SECRET=sandbox-secret
  export EXIST_REDIRECT_URI=http://localhost:9000/back
  exist-async login

To use it from Python, with EXIST_BASE_URL as above, or with base_url="{url}":
  async with ExistClient("sandbox-token") as exist:
      await exist.attributes.acquire(["steps", "mood"])

To sign users in:
  app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:9000/back")
"""
    assert printed == expected
    assert first.status_code == 200
    assert first.elapsed.total_seconds() >= 0.01
    assert (second.status_code, second.headers["retry-after"]) == (429, "20")


def test_a_port_in_use_is_reported_in_one_line(cli: Callable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert cli("sandbox", "--port", str(port)) == (
            1,
            "",
            (
                f"exist-async: port {port} can't be opened (Address already in use): choose another one with --port, "
                "or any free one with --port 0\n"
            ),
        )


def test_an_invalid_redirect_uri_is_reported_in_one_line(cli: Callable) -> None:
    with pytest.raises(ValueError, match="redirect_uri") as error:
        Sandbox(redirect_uri="localhost")

    message = str(error.value).replace("redirect_uri", "--redirect-uri")
    assert cli("sandbox", "--redirect-uri", "localhost") == (2, "", f"exist-async: {message}\n")


@pytest.mark.slow
def test_the_option_sample_adds_attributes(start: Callable, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--port", "0", "--sample"]
    running = start("sandbox", *options, text=True)
    printed = "".join(running.stdout.readline() for _ in range(3))
    monkeypatch.setenv("EXIST_BASE_URL", re.search(r"URL +(http://127\.0\.0\.1:\d+)\n", printed)[1])
    owned = subprocess.check_output([script, "owned"], text=True, timeout=30)
    stop(running)

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
def test_the_attio_sandbox_prints_instructions_and_applies_its_options(start: Callable) -> None:
    options = ["--attio", "--port", "0", "--latency", "0.01", "--rate-limit", "1"]
    running = start("sandbox", *options, text=True)
    printed = "".join(running.stdout.readline() for _ in range(15))
    url = re.search(r"URL +(http://127\.0\.0\.1:\d+)\n", printed)[1]
    headers = {"Authorization": "Bearer sandbox-token"}
    first, second = (
        httpx.get(f"{url}/v2/objects/people/attributes", headers=headers, trust_env=False) for _ in range(2)
    )
    stop(running)

    assert (
        printed
        == f"""\
Attio sandbox, in memory; press Ctrl-C to stop it
  URL      {url}
  token    sandbox-token
  objects  people, companies, deals
  lists    sales, hiring

To try it, in another terminal:
  curl -H "Authorization: Bearer sandbox-token" {url}/v2/objects/people/attributes

To use it from Python, pass the URL as base_url:
  from exist_async.attio import AttioClient

  async with AttioClient("sandbox-token", base_url="{url}") as attio:
      async for attribute in attio.attributes.list("objects", "people"):
          print(attribute.title)
"""
    )
    assert first.status_code == 200
    assert first.elapsed.total_seconds() >= 0.01
    assert (second.status_code, second.json()["type"]) == (429, "rate_limit_error")


@pytest.mark.parametrize("option", [["--sample"], ["--redirect-uri", "http://localhost:9000/back"], ["--period", "20"]])
def test_options_of_exist_cannot_be_combined_with_attio(cli: Callable, option: list[str]) -> None:
    assert cli("sandbox", "--attio", *option) == (
        2,
        "",
        f"exist-async: {option[0]} can't be combined with --attio\n",
    )


def test_a_period_without_a_limit_is_an_error(cli: Callable) -> None:
    assert cli("sandbox", "--period", "20") == (
        2,
        "",
        "exist-async: --period is the time in which --rate-limit requests are allowed: add --rate-limit 300\n",
    )
