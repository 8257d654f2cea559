"""The command `sandbox`."""

import re
import signal
import socket
import subprocess
from collections.abc import Callable

import httpx


def test_it_says_how_to_reach_it_and_heeds_its_options(script: str) -> None:
    options = ["--port", "0", "--latency", "0.01", "--rate-limit", "1"]
    with subprocess.Popen([script, "sandbox", *options], stdout=subprocess.PIPE, text=True) as running:
        shown = "".join(running.stdout.readline() for _ in range(23))
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
  redirect URI   http://localhost:8000/

In a browser the URL shows what is in it.

In a shell:
  export EXIST_BASE_URL={url}
  export EXIST_TOKEN=sandbox-token
  exist-async acquire steps mood
  exist-async owned

Or sign in, as with an app of your own:
  export EXIST_BASE_URL={url}
  export EXIST_CLIENT_ID=sandbox-client EXIST_CLIENT_SECRET=sandbox-secret
  exist-async login

In Python:
  async with ExistClient("sandbox-token", base_url="{url}") as exist:
      await exist.attributes.acquire(["steps", "mood"])
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
