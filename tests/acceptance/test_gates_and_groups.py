"""Jobs and runs that wait for somebody or for each other, what failed and may, and what is run again: on a real server,
each with its reason in one sentence in the API and on the command line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig.counter import Counter, counting
from tests.rig.forge import FakeGitHub, fake_github
from tests.rig.machine import until
from tests.rig.server import SECRET, RealServer

pytestmark = pytest.mark.needs("busybox", "git")


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGitHub]:
    with fake_github(tmp_path_factory.mktemp("forge")) as served:
        yield served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, forge: FakeGitHub) -> Iterator[RealServer]:
    environment = forge.environment | {"FLOWFORGE_EXECUTOR": "process", "FLOWFORGE_RUNNER_SLOTS": "4"}
    with RealServer(tmp_path_factory.mktemp("server"), environment) as started:
        yield started


@pytest.fixture(scope="module")
def counter() -> Iterator[Counter]:
    with counting("127.0.0.1") as counter:
        yield counter


def told(counter: Counter, word: str) -> dict[str, Any]:
    """A job that says a word and goes on once it is let go."""
    return {"steps": [{"run": f"{counter.shell()}\ntell {word}\necho {word}"}]}


def pushed(server: RealServer, forge: FakeGitHub, repository: str, config: dict[str, Any]) -> tuple[int, str]:
    commit = forge.commit(repository, {".flowforge/ci.yml": json.dumps(config).encode()})
    return server.deliver(forge.push(repository, commit, SECRET)), commit


def reasons(server: RealServer, run_id: int) -> dict[str, Any]:
    """Of each job; the command line says the same."""
    found = {job["name"]: job["reason"] for job in server.run(run_id)["jobs"]}
    listed = server.flowforge("list", str(run_id)).out.splitlines()
    shown = {columns[1]: columns[3] or None for columns in (line.split("\t") for line in listed)}
    assert shown == found
    return found


def test_a_gate_waits_for_somebody_who_may_open_it(
    server: RealServer, forge: FakeGitHub, counter: Counter
) -> None:
    gate = {"type": "approval", "requires": ["build"]}
    config = {
        "jobs": {"build": told(counter, "built"), "ship": told(counter, "shipped")},
        "workflows": {"main": {"jobs": ["build", {"hold": gate}, {"ship": {"requires": ["hold"]}}]}},
    }
    run_id, commit = pushed(server, forge, "acme/gate", config)
    until(lambda: server.run(run_id)["status"] == "waiting", "a run that waits")
    assert reasons(server, run_id) == {
        "build": None,
        "hold": "waits for an approval",
        "ship": "waits for hold",
    }
    sentence = 'job "hold" waits for an approval'
    until(lambda: forge.statuses[-1].description == sentence, "the commit saying that it waits")
    assert (forge.statuses[-1].commit, forge.statuses[-1].state) == (commit, "pending")
    for role in ("viewer", "developer"):
        token = server.token_of(role)
        assert server.api("POST", f"/runs/{run_id}/jobs/hold/approve", {}, token).status == 403
    refused = server.flowforge("approve", str(run_id), "hold", token=token)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    done = server.flowforge("approve", str(run_id), "hold", token=server.token_of("maintainer"))
    assert done.out == f"job hold of run {run_id} is approved: {server.url}/ui/pipelines/{run_id}\n"
    assert server.over(run_id)["status"] == "success"
    assert reasons(server, run_id)["hold"] == "approved by a maintainer"
    assert server.api("POST", f"/runs/{run_id}/jobs/hold/approve").status == 409
    assert counter.counts(run_id) == {"built": 1, "shipped": 1}


def test_a_newer_run_of_a_group_ends_the_older_one_and_begins_when_that_has_stopped(
    server: RealServer, forge: FakeGitHub, counter: Counter
) -> None:
    slow = f"{counter.shell()}\ntrap 'tell asked; exit 1' TERM\ntell going\nsleep 60 & wait"
    config = {
        "concurrency": {"group": "deploy", "cancel": True},
        "jobs": {"deploy": {"steps": [{"run": slow}]}},
    }
    counter.hold("asked")
    first, _ = pushed(server, forge, "acme/newest", config)
    counter.wait_for("going")
    second, _ = pushed(server, forge, "acme/newest", {**config, "jobs": {"deploy": told(counter, "newest")}})
    counter.wait_for("asked")
    until(lambda: reasons(server, second), "a planned run")
    assert reasons(server, second) == {"deploy": f"waits for run {first} in group deploy"}
    assert reasons(server, first) == {"deploy": f"superseded by run {second}"}
    counter.release("asked")
    over = server.over(first)
    assert (over["status"], over["reason"]) == ("cancelled", f'job "deploy": superseded by run {second}')
    assert server.over(second)["status"] == "success"


def test_jobs_of_a_serial_group_take_turns_over_all_projects(
    server: RealServer, forge: FakeGitHub, counter: Counter
) -> None:
    def config(word: str) -> dict[str, Any]:
        return {"jobs": {"deploy": {**told(counter, word), "serial-group": "production"}}}

    counter.hold("first-serial")
    first, _ = pushed(server, forge, "acme/one", config("first-serial"))
    counter.wait_for("first-serial")
    second, _ = pushed(server, forge, "acme/two", config("second-serial"))
    until(lambda: server.run(second)["jobs"], "a planned run")
    assert reasons(server, second) == {"deploy": f'waits for job "deploy" of run {first} in group production'}
    assert "second-serial" not in [word for word, _ in counter.told]
    counter.release("first-serial")
    assert [server.over(run_id)["status"] for run_id in (first, second)] == ["success"] * 2


def test_what_failed_is_run_again_with_its_inputs_and_the_rest_is_kept(
    server: RealServer, forge: FakeGitHub, counter: Counter, tmp_path: Path
) -> None:
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o711)
    mended = tmp_path / "mended"
    config = {
        "parameters": {"who": {"type": "string", "default": "nobody"}},
        "jobs": {
            "build": told(counter, "made"),
            "lint": {"allow_failure": True, "steps": [{"run": "exit 7"}]},
            "test": {
                "steps": [
                    {
                        "run": {
                            "name": "look",
                            "command": f'echo "<< pipeline.parameters.who >>"; test -e {mended}',
                        }
                    }
                ]
            },
            "ship": told(counter, "sent"),
        },
        "workflows": {
            "main": {
                "jobs": [
                    "build",
                    "lint",
                    {"test": {"requires": ["build", "lint"]}},
                    {"ship": {"requires": ["test"]}},
                ]
            }
        },
    }
    server.over(pushed(server, forge, "acme/again", config)[0])
    started = json.loads(server.flowforge("trigger", "acme/again", "--input", "who=ann", "--json").out)
    failed = server.over(started["id"])
    jobs = {job["name"]: job for job in failed["jobs"]}
    assert (failed["status"], failed["reason"]) == (
        "failure",
        'job "test": step "look" ended with exit code 1',
    )
    assert (jobs["lint"]["status"], jobs["lint"]["allowed_failure"]) == ("failure", True)
    assert reasons(server, failed["id"])["ship"] == 'needs "test", which ended as failure'
    assert "failure (allowed)" in server.flowforge("list", str(failed["id"])).out

    mended.touch()
    done = server.flowforge("rerun", str(failed["id"]), "--failed", "--json")
    again = server.over(json.loads(done.out)["id"])
    assert (again["status"], again["rerun_of"]) == ("success", failed["id"])
    kept = {job["name"] for job in again["jobs"] if job["kept_from"]}
    assert kept == {"build"}, "the allowed failure is tried again too"
    assert server.log(again["id"], "test") == b"ann\n"
    assert counter.counts(again["id"]) == {"sent": 1}
    assert server.log(again["id"], "build") == b"made\n"

    single = json.loads(server.flowforge("rerun", str(again["id"]), "--job", "test", "--json").out)
    over = server.over(single["id"])
    assert (over["status"], server.log(single["id"], "test")) == ("success", b"ann\n")
    assert {job["name"] for job in over["jobs"] if not job["kept_from"]} == {"test"}
    refused = server.flowforge("rerun", str(failed["id"]), "--job", "ship")
    assert (refused.code, refused.err) == (
        1,
        'flowforge: job "ship" cannot run again by itself: it needs "test", which ended as failure: re-run that first\n',
    )
    shown = forge.wait_for(again["commit"], "success")
    assert shown.description == "4 jobs, 1 allowed to fail"
