"""Two servers on one PostgreSQL: who is handed what, what one of them leaves behind, and what it has not heard of yet."""

import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from flowforge.model.secret import WEBHOOK_SECRET
from flowforge.services.hook_secrets import FRESH
from tests.postgres import Cluster, postgres_cluster
from tests.rig import FakeGitHub, RealServer
from tests.rig.balancer import balancer
from tests.rig.counter import Counter, counting
from tests.rig.forge import fake_github
from tests.rig.machine import has_ended, rooms, until
from tests.rig.runner import far_runner
from tests.rig.server import REPOSITORY, SECRET
from tests.rig.stage import broken_promises

pytestmark = pytest.mark.needs("postgres", "busybox", "git")

LEASE = 5
"""Seconds. A shorter one is over before a busy machine has asked again for what was cut."""
WORDS = ("one", "two", "three", "four")
NEAR = {"FLOWFORGE_EXECUTOR": "process", "FLOWFORGE_RUNNER_SLOTS": "2"}


@pytest.fixture(scope="module")
def counter() -> Iterator[Counter]:
    with counting("127.0.0.1") as counter:
        yield counter


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGitHub]:
    with fake_github(tmp_path_factory.mktemp("forge")) as served:
        yield served


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory, forge: FakeGitHub, postgres_cluster: Cluster
) -> Iterator[tuple[RealServer, RealServer]]:
    """With one another's keys, as servers that share a database must have; in the end they kept every promise."""
    shared = {
        "FLOWFORGE_EXECUTOR": "process",
        "FLOWFORGE_DATABASE_URL": postgres_cluster.database(),
        "FLOWFORGE_MASTER_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "FLOWFORGE_CAPABILITY_KEY": secrets.token_hex(32),
        "FLOWFORGE_LEASE_SECONDS": str(LEASE),
    }
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(RealServer(tmp_path_factory.mktemp(name), forge.environment | shared))
            for name in ("first", "second")
        )
        yield first, second
        assert [first.stop(), second.stop()] == [0, 0]
        assert broken_promises(first) == ()


def far(counter: Counter, word: str) -> dict[str, bytes]:
    steps = [{"run": f"{counter.shell()}\ntell {word}"}]
    config = {"jobs": {"far": {"labels": ["far"], "steps": steps}}}
    return {".flowforge/ci.yml": json.dumps(config).encode()}


def serial(counter: Counter, word: str) -> dict[str, bytes]:
    steps = [{"run": f"{counter.shell()}\ntell {word}"}]
    config = {"jobs": {"deploy": {"serial-group": "production", "steps": steps}}, "concurrency": f"g-{word}"}
    return {".flowforge/ci.yml": json.dumps(config).encode()}


def test_a_claim_that_is_cut_is_answered_again_by_whichever_server_and_no_job_runs_twice(
    servers: tuple[RealServer, RealServer], forge: FakeGitHub, counter: Counter, tmp_path: Path
) -> None:
    first, second = servers
    with balancer(first.url, second.url) as between:
        address = replace(first, url=between.url)
        with far_runner(tmp_path / "far", address, NEAR, labels=["far"]):
            between.refuse, between.swallow = 2, 3
            pushed = [second.push(forge, far(counter, word)).run_id for word in WORDS]
            for run_id, word in zip(pushed, WORDS, strict=True):
                run = second.over(run_id)
                assert run["status"] == "success", run
                assert [len(job["attempts"]) for job in run["jobs"]] == [1]
                assert counter.counts(run_id) == {word: 1}
    assert (between.refuse, between.swallow) == (0, 0)
    assert {place for place, _ in between.handed} == {first.url, second.url}


def test_a_job_has_ended_before_its_next_attempt_where_only_the_address_is_down(
    servers: tuple[RealServer, RealServer], forge: FakeGitHub, counter: Counter, tmp_path: Path
) -> None:
    """Nobody answers there, so for all that the runner is told nobody serves."""
    first, second = servers
    counter.hold("held-afar")
    steps = [{"run": f"{counter.shell()}\ntell begun-afar\ntell held-afar"}]
    config = json.dumps({"jobs": {"far": {"labels": ["afar"], "steps": steps}}}).encode()
    with (
        balancer(first.url, second.url) as between,
        far_runner(
            tmp_path / "near", replace(first, url=between.url), NEAR, "10.0.0.6", labels=["afar"]
        ) as runner,
    ):
        pushed = second.push(forge, {".flowforge/ci.yml": config})
        counter.wait_for("held-afar")
        (room,) = runner.rooms()
        between.vanish()
        with far_runner(tmp_path / "next", second, NEAR, "10.0.0.7", labels=["afar"]):
            until(lambda: counter.counts(pushed.run_id)["begun-afar"] == 2, "another attempt", 30)
            assert not room.exists() or has_ended(room)
            counter.release("held-afar")
            run = second.over(pushed.run_id)
    assert [each["cause"] for each in run["jobs"][0]["attempts"]] == ["lost", None]


def test_whoever_is_left_lets_those_go_on_that_waited_for_a_server_that_died(
    servers: tuple[RealServer, RealServer], forge: FakeGitHub, counter: Counter
) -> None:
    """Nothing new comes in that could wake anybody."""
    first, second = servers
    counter.hold("holder")
    holder = first.push(forge, serial(counter, "holder"), "acme/one")
    counter.wait_for("holder")
    busy, idle = (first, second) if rooms(first) else (second, first)
    waiting = idle.push(forge, serial(counter, "waiter"), "acme/two")
    until(lambda: idle.run(waiting.run_id)["jobs"], "a planned run")
    (job,) = idle.run(waiting.run_id)["jobs"]
    assert job["reason"] == f'waits for job "deploy" of run {holder.run_id} in group production'
    busy.kill()
    counter.release("holder")
    run = idle.over(holder.run_id)
    assert [(each["status"], each["cause"]) for each in run["jobs"][0]["attempts"]] == [
        ("failure", "lost"),
        ("success", None),
    ]
    assert idle.over(waiting.run_id)["status"] == "success"
    busy.start()


def test_a_changed_webhook_secret_counts_at_the_other_server_within_seconds(
    servers: tuple[RealServer, RealServer], forge: FakeGitHub
) -> None:
    first, second = servers
    commit = forge.commit(REPOSITORY, {"README": b""})

    def answer(server: RealServer, secret: str) -> int:
        push = forge.push(REPOSITORY, commit, secret)
        return server.ask("POST", "/webhook", push.body, push.headers).status

    assert answer(first, SECRET) == 200
    wanted = ("secrets", "set", WEBHOOK_SECRET, "--kind", "webhook", "--project", REPOSITORY)
    assert answer(second, SECRET) == 200, "and remembers it"
    assert first.flowforge(*wanted, given="one-of-its-own").code == 0
    assert (answer(first, SECRET), answer(first, "one-of-its-own")) == (401, 200)
    until(lambda: answer(second, SECRET) == 401, "the other server refusing the old one", FRESH + 10)
    assert answer(second, "one-of-its-own") == 200


__all__ = ["postgres_cluster"]
