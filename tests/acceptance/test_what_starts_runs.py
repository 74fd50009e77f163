"""What starts a run besides a plain push, and what keeps one from starting, on a real server."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.forge_payloads import NOTHING, Moved, Repository, github_push
from tests.git_repositories import git
from tests.rig.forge import FakeGitHub, fake_github
from tests.rig.machine import until
from tests.rig.server import REPOSITORY, SECRET, RealServer

pytestmark = pytest.mark.needs("busybox", "git")

GREET = b"""
parameters:
  who: {type: string, default: nobody}
  times: {type: integer, default: 2}
  loud: {type: boolean, default: false}
  where: {type: enum, enum: [here, there], default: here}
triggers: {upstream: [{project: acme/library, status: [success, failure]}]}
jobs:
  greet:
    environment: {TIMES: << pipeline.parameters.times >>, LOUD: << pipeline.parameters.loud >>}
    steps:
      - run: echo "<< pipeline.parameters.who >> << pipeline.parameters.where >> $TIMES $LOUD << pipeline.trigger_source >>"
"""
MUST = b"""
parameters: {note: {type: string}}
triggers: {push: false}
jobs: {say: {steps: [run: 'echo "<< pipeline.parameters.note >>"']}}
"""
FILTERED = b"""
paths: {ignore: "docs/**"}
triggers:
  push: {branches: [main, release]}
  tag: {tags: "/v[0-9]+/"}
jobs:
  test: {steps: [run: echo tested]}
  publish: {filters: {branches: release}, steps: [run: echo published]}
  announce: {steps: [run: echo announced]}
workflows:
  main:
    jobs: [test, publish, {announce: {requires: [publish]}}]
"""


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGitHub]:
    with fake_github(tmp_path_factory.mktemp("forge")) as served:
        yield served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, forge: FakeGitHub) -> Iterator[RealServer]:
    environment = forge.environment | {"FLOWFORGE_EXECUTOR": "process"}
    with RealServer(tmp_path_factory.mktemp("server"), environment) as started:
        yield started


def config_of(server: RealServer, forge: FakeGitHub, config: bytes, repository: str = REPOSITORY) -> Any:
    """A repository whose default branch says so: the run of its push, over."""
    return server.over(server.push(forge, {".flowforge/ci.yml": config}, repository).run_id)


def runs(server: RealServer, project: str) -> list[Any]:
    """The newest first."""
    items: list[Any] = server.api("GET", f"/runs?project={project}").value["items"]
    return items


def said(server: RealServer, run_id: int, job: str = "greet") -> str:
    assert server.over(run_id)["status"] == "success", server.run(run_id)
    return server.log(run_id, job).decode()


def test_typed_inputs_reach_the_steps_from_the_command_line_and_the_api(
    server: RealServer, forge: FakeGitHub
) -> None:
    pushed = config_of(server, forge, GREET)
    assert said(server, pushed["id"]) == "nobody here 2 false push\n"
    spoken = ("--input", "who=a b; $(c)", "--input", "times=7", "--input", "loud=true")
    done = server.flowforge("trigger", REPOSITORY, *spoken)
    by_hand = runs(server, REPOSITORY)[0]
    assert (done.code, done.out) == (0, f"run {by_hand['id']} is queued: {by_hand['url']}\n")
    assert said(server, by_hand["id"]) == "a b; $(c) here 7 true manual\n"
    inputs = {"times": 3, "where": "there"}
    answer = server.api("POST", "/runs", {"project": REPOSITORY, "inputs": inputs})
    assert (answer.status, answer.value["event"]) == (201, "manual")
    assert said(server, answer.value["id"]) == "nobody there 3 false manual\n"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("times=many", "the input 'times' must be a whole number"),
        ("loud=perhaps", "the input 'loud' must be true or false"),
        ("where=nowhere", "the input 'where' must be one of here, there"),
        ("how=so", "there is no input 'how'; there is who, times, loud, where"),
    ],
)
def test_an_input_that_will_not_do_is_refused_in_one_line_and_starts_nothing(
    server: RealServer, forge: FakeGitHub, given: str, why: str
) -> None:
    config_of(server, forge, GREET)
    before = len(runs(server, REPOSITORY))
    done = server.flowforge("trigger", REPOSITORY, "--input", given)
    name, _, value = given.partition("=")
    assert (done.code, done.out) == (1, "")
    assert done.err == f"flowforge: inputs.{name}: {why}\n"
    answer = server.api("POST", "/runs", {"project": REPOSITORY, "inputs": {name: value}})
    assert (answer.status, answer.value["field"]) == (422, f"inputs.{name}")
    assert why in answer.value["detail"]
    assert len(runs(server, REPOSITORY)) == before


def test_an_input_without_a_default_must_be_given(server: RealServer, forge: FakeGitHub) -> None:
    left_out = config_of(server, forge, MUST, "acme/must")
    assert (left_out["status"], left_out["cause"]) == ("skipped", "filter"), left_out
    refused = server.flowforge("trigger", "acme/must")
    assert (refused.code, refused.err) == (1, "flowforge: inputs.note: the input 'note' must be given\n")
    done = server.flowforge("trigger", "acme/must", "--input", "note=now", "--json")
    assert done.code == 0, done.err
    assert said(server, runs(server, "acme/must")[0]["id"], "say") == "now\n"


def test_the_end_of_another_project_s_run_starts_one_of_the_default_branch(
    server: RealServer, forge: FakeGitHub
) -> None:
    config_of(server, forge, GREET)
    before = {run["id"] for run in runs(server, REPOSITORY)}
    for number, (script, status) in enumerate((("echo built", "success"), ("exit 1", "failure")), 1):
        config = f"jobs: {{build: {{steps: [run: {script}]}}}}".encode()
        assert config_of(server, forge, config, "acme/library")["status"] == status
        until(lambda: {run["id"] for run in runs(server, REPOSITORY)} - before, "a run after it")
        (started,) = (run for run in runs(server, REPOSITORY) if run["id"] not in before)
        assert (started["event"], started["branch"]) == ("upstream", "main")
        assert started["title"] == f"acme/library run #{number} ended as {status}"
        assert said(server, started["id"]) == "nobody here 2 false upstream\n"
        before.add(started["id"])


def delivered(server: RealServer, forge: FakeGitHub, moved: Moved) -> Any:
    """The run of it, over, and what its commit shows then."""
    spoken = github_push(moved)
    run = server.over(server.deliver(forge.signed(spoken.payload, SECRET)))
    shown = forge.wait_for(moved.after, "success")
    return run, shown.description


def test_what_is_left_out_says_why_and_its_commit_is_not_left_waiting(
    server: RealServer, forge: FakeGitHub
) -> None:
    name = "acme/filtered"
    files = {".flowforge/ci.yml": FILTERED, "src": b"1"}
    first = forge.commit(name, files)
    main = Moved(Repository(f"http://{forge.git.host}", name, 77), NOTHING, first)

    run, shown = delivered(server, forge, main)
    jobs = {job["name"]: (job["status"], job["cause"], job["reason"]) for job in run["jobs"]}
    assert (run["status"], shown) == ("success", "3 jobs, 2 skipped")
    assert jobs["test"] == ("success", None, None)
    assert jobs["publish"][:2] == ("skipped", "filter")
    assert "main" in jobs["publish"][2]
    assert jobs["announce"] == ("skipped", "filter", "all that it requires is left out")
    listed = server.flowforge("list", str(run["id"])).out
    assert jobs["publish"][2] in listed
    assert jobs["announce"][2] in listed

    docs = forge.commit(name, {**files, "docs/a": b"words"})
    elsewhere = forge.commit(name, {**files, "src": b"2"}, branch="topic")
    tagged = forge.commit(name, {**files, "src": b"3"}, branch="tagged")
    git(forge.folder / f"{name}.git", "update-ref", "refs/tags/old", tagged)
    for moved, word in (
        (replace(main, before=first, after=docs), "no file changed that its paths name"),
        (replace(main, after=elsewhere, ref="refs/heads/topic"), "topic"),
        (replace(main, after=tagged, ref="refs/tags/old"), "old"),
    ):
        run, shown = delivered(server, forge, moved)
        assert (run["status"], run["cause"], run["jobs"]) == ("skipped", "filter", [])
        assert word in run["reason"], run["reason"]
        assert shown == f"left out: {run['reason']}"
    git(forge.folder / f"{name}.git", "update-ref", "refs/tags/v2", tagged)
    run, _ = delivered(server, forge, replace(main, after=tagged, ref="refs/tags/v2"))
    assert (run["status"], run["event"]) == ("success", "tag")


def test_a_commit_that_asks_to_be_skipped_starts_nothing(server: RealServer, forge: FakeGitHub) -> None:
    commit = forge.commit("acme/quiet", {".flowforge/ci.yml": FILTERED})
    quiet = Repository(f"http://{forge.git.host}", "acme/quiet", 78)
    moved = Moved(quiet, NOTHING, commit, message="Mend a typo\n\n[skip ci]")
    push = forge.signed(github_push(moved).payload, SECRET)
    answer = server.ask("POST", "/webhook", push.body, push.headers)
    assert (answer.status, answer.value["status"]) == (202, "ignored")
    assert answer.value["reason"] == "the commit's message asks to skip"
    assert forge.states_of(commit) == []
