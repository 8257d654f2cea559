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
        shown = "".join(iter(running.stdout.readline, "\n"))
        url = re.search(r"URL    (http://127\.0\.0\.1:\d+)\n", shown)[1]
        token = re.search(r"token  (\S+)\n", shown)[1]
        profile = f"{url}/api/2/accounts/profile/"
        headers = {"Authorization": f"Bearer {token}"}
        first = httpx.get(profile, headers=headers, trust_env=False)
        second = httpx.get(profile, headers=headers, trust_env=False)
        rest = running.stdout.readline() + running.stdout.readline()
        running.send_signal(signal.SIGINT)

    assert first.status_code == 200
    assert first.elapsed.total_seconds() >= 0.01
    assert second.status_code == 429
    assert rest == f"In a shell:\n  export EXIST_TOKEN={token}\n"


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
