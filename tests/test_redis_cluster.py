"""Rate limiter and token store on a cluster of three Redis nodes."""

import asyncio
import socket
import subprocess
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from redis_server import PROGRAM, RedisServer

from exist_async import ExistAsyncError, OAuthToken, RateLimitError, RedisRateLimiter, RedisTokenStore

pytestmark = pytest.mark.slow

redis = pytest.importorskip("redis.asyncio", reason='no redis: pip install "exist-async[redis]"')

# Each node also uses the port that is 10,000 higher.
PORTS = range(20_000, 22_000)
USERS = [f"user-{number}" for number in range(30)]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Generator[list[RedisServer], None, None]:
    options = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf")
    with ExitStack() as ending:
        nodes: list[RedisServer] = []
        for _ in range(3):
            nodes.append(RedisServer(tmp_path_factory.mktemp("node"), *options, ports=PORTS))
            ending.callback(nodes[-1].end)
        assert PROGRAM is not None
        cli = str(Path(PROGRAM).with_name("redis-cli"))
        addresses = [f"127.0.0.1:{node.port}" for node in nodes]
        subprocess.run([cli, "--cluster", "create", *addresses, "--cluster-yes"], check=True, capture_output=True)
        for node in nodes:
            wait_until_joined([cli, "-p", str(node.port), "cluster", "info"])
        yield nodes


def wait_until_joined(command: list[str]) -> None:
    give_up = time.monotonic() + 30
    while "cluster_state:ok" not in subprocess.run(command, check=True, capture_output=True, text=True).stdout:
        assert time.monotonic() < give_up, "the nodes do not find each other"
        time.sleep(0.1)


@pytest.fixture(params=[False, True], ids=["bytes", "text"])
async def cluster(request: pytest.FixtureRequest, nodes: list[RedisServer]) -> AsyncGenerator[Any, None]:
    options = {"host": "127.0.0.1", "port": nodes[0].port, "decode_responses": request.param}
    async with redis.RedisCluster(**options) as cluster:
        yield cluster
        await cluster.flushall(target_nodes="primaries")


async def test_each_user_s_budget_is_on_one_node_and_all_nodes_are_used(cluster: Any) -> None:
    async with RedisRateLimiter(cluster, 2) as limiter:
        for user in USERS:
            await limiter.acquire(user, max_wait=0)
            await limiter.refund(user, hold=0.0)
            for _ in range(2):
                await limiter.acquire(user, max_wait=0)
            with pytest.raises(RateLimitError, match="is spent"):
                await limiter.acquire(user, max_wait=0)
            assert await limiter.remaining(user) == 0

    sizes = await cluster.dbsize(target_nodes="primaries")
    assert sizes == len(USERS)
    assert await cluster.ping()


async def test_tokens_and_their_locks_are_kept(cluster: Any) -> None:
    async with RedisTokenStore(cluster) as store:
        for user in USERS:
            async with store.lock(user):
                assert await store.load(user) is None
                await store.save(user, OAuthToken(f"access-of-{user}", "refresh"))

        for user in USERS:
            token = await store.load(user)
            assert token is not None
            assert token.access_token == f"access-of-{user}"
            await store.delete(user)


async def test_one_renewal_of_a_user_runs_at_a_time(cluster: Any) -> None:
    running = 0

    async def renew() -> None:
        nonlocal running
        async with store.lock("ada"):
            running += 1
            assert running == 1
            await asyncio.sleep(0.01)
            running -= 1

    async with RedisTokenStore(cluster) as store:
        await asyncio.gather(*(renew() for _ in range(5)))


async def test_the_url_of_one_node_is_refused_with_what_to_give_instead(nodes: list[RedisServer]) -> None:
    async with RedisRateLimiter(nodes[0].url) as limiter:
        # Some of them belong to this node.
        calls = (limiter.acquire(user, max_wait=0) for user in USERS)
        refusals = [error for error in await asyncio.gather(*calls, return_exceptions=True) if error is not None]

    assert {type(refusal) for refusal in refusals} == {RateLimitError}
    assert "is a node of a cluster: give a redis.asyncio.RedisCluster" in str(refusals[0])


async def test_its_repr_has_the_address(cluster: Any, nodes: list[RedisServer]) -> None:
    assert repr(RedisTokenStore(cluster)) == f"RedisTokenStore(<Redis at 127.0.0.1:{nodes[0].port}>)"


@pytest.mark.parametrize("kind", [RedisRateLimiter, RedisTokenStore])
async def test_a_cluster_that_cannot_be_reached_is_an_outage_like_that_of_a_server(kind: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    cluster = redis.RedisCluster(host="127.0.0.1", port=port)
    async with kind(cluster) as backed:
        call = backed.acquire("ada", max_wait=0) if kind is RedisRateLimiter else backed.load("ada")
        with pytest.raises(ExistAsyncError, match=rf"Redis at 127.0.0.1:{port} can't be used: .* Check that it runs"):
            await call
    await cluster.aclose()
