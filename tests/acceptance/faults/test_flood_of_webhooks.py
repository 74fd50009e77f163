"""Webhooks of several forges at full speed, some twice, none in order: each starts its run, and one only."""

import asyncio
import http.client
import json
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowforge.adapters.store.opening import open_store
from flowforge.testing.checker.history import History, read_history
from flowforge.testing.checker.rules import accepted_deliveries_have_runs, one_happening_starts_one_run
from tests.forge_payloads import DIALECTS, Moved, Repository
from tests.rig.forge import Push
from tests.rig.server import SECRET, RealServer

FORGES = ("github", "gitlab", "bitbucket", "gitea")
SHORT, LONG = 1_000, 10_000
CLIENTS = 8
GROWTH = 60 << 20
"""Bytes by which the server may grow from the first third of a flood to its end."""


def commit(number: int) -> str:
    return f"{number + 1:040x}"


def flood(count: int, chance: random.Random) -> tuple[list[Push], int]:
    """All deliveries, and how many happenings they tell of. Half move one branch again and again, and come twice under
    one id; half have a branch of their own, and come again under another."""
    deliveries: list[Push] = []
    happenings = count // 2
    for number in range(happenings):
        dialect = DIALECTS[FORGES[number % len(FORGES)]]
        repository = Repository("https://forge.invalid", "tools/saw", 11)
        alone = number % 2 == 0
        ref = f"refs/heads/branch-{number}" if alone else "refs/heads/main"
        spoken = dialect.push(Moved(repository, commit(number), commit(number + 1), ref))
        names = (f"{number}-a", f"{number}-b" if alone else f"{number}-a")
        deliveries += [Push(*dialect.signed(spoken, SECRET, name)) for name in names]
    chance.shuffle(deliveries)
    return deliveries, happenings


def send_all(server: RealServer, deliveries: Sequence[Push]) -> list[int]:
    """The run that each was answered with."""
    host, _, port = server.url.removeprefix("http://").partition(":")

    def client(part: Sequence[Push]) -> list[int]:
        connection = http.client.HTTPConnection(host, int(port), timeout=120)
        try:
            return [_sent(connection, push) for push in part]
        finally:
            connection.close()

    parts = [deliveries[start::CLIENTS] for start in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as clients:
        return [run_id for answers in clients.map(client, parts) for run_id in answers]


def _sent(connection: http.client.HTTPConnection, push: Push) -> int:
    connection.request("POST", "/webhook", push.body, push.headers)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return int(json.loads(body)["pipeline_id"])


def memory(server: RealServer) -> int:
    assert server.process
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS"))


async def history(server: RealServer) -> History:
    store = open_store(f"sqlite:///{server.data}/flowforge.db")
    try:
        return await store.read(read_history)
    finally:
        await store.close()


@pytest.mark.needs("git")
def test_none_is_lost_and_none_runs_twice(tmp_path: Path, chance: random.Random, long_form: bool) -> None:
    deliveries, happenings = flood(LONG if long_form else SHORT, chance)
    settings = {"FLOWFORGE_EXECUTOR": "process", "FLOWFORGE_LOG_LEVEL": "error"}
    with RealServer(tmp_path, settings) as server:
        third = len(deliveries) // 3
        run_ids = send_all(server, deliveries[:third])
        before = memory(server)
        run_ids += send_all(server, deliveries[third:])
        assert memory(server) - before < GROWTH
        server.kill()
        told = asyncio.run(history(server))
    assert set(run_ids) == {run.id for run in told.runs}
    assert len(told.runs) == happenings
    assert not [*accepted_deliveries_have_runs(told), *one_happening_starts_one_run(told)]
