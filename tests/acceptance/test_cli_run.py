"""`flowforge run` as people call it, on both executors: exit codes, JSON, Ctrl-C, and that nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.git_repositories import git
from tests.images import image

DEADLINE = 120

TWO_JOBS = """
jobs:
  build:
    docker: [{image: flowforge-test/busybox}]
    steps:
      - run: {name: Look, command: cat greeting}
  test:
    docker: [{image: flowforge-test/busybox}]
    steps:
      - run: {name: Say, command: "echo out; echo err >&2"}
workflows:
  ci:
    jobs: [build, {test: {requires: [build]}}]
"""
FAILING = TWO_JOBS.replace("cat greeting", "echo bad; exit 3")
ENDLESS = TWO_JOBS.replace("cat greeting", "echo begun; sleep 300; echo never")


@dataclass(frozen=True)
class Folder:
    """A repository to run in. `left` is where a run would leave something."""

    path: Path
    executor: str
    left: Path

    def write(self, config: str, greeting: str = "hello") -> None:
        (self.path / ".flowforge").mkdir(exist_ok=True)
        (self.path / ".flowforge" / "ci.yml").write_text(config)
        (self.path / "greeting").write_text(f"{greeting}\n")

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        command = [
            Path(sys.executable).with_name("flowforge"),
            "run",
            "--executor",
            self.executor,
            *arguments,
        ]
        return subprocess.Popen(
            command, cwd=self.path, env={**os.environ, "TMPDIR": str(self.left), **environ}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str, **environ: str) -> "Done":
        process = self.start(*arguments, **environ)
        out, err = process.communicate(timeout=DEADLINE)
        return Done(process.pid, process.returncode, out, err)

    def leftovers(self, pid: int) -> list[str]:
        """Folders and containers of the run that this process carried out."""
        rooms = Path("/dev/shm").glob(f"flowforge-run-{pid}-*")
        return [*(path.name for path in (*self.left.iterdir(), *rooms)), *_containers(pid)]


@dataclass(frozen=True)
class Done:
    pid: int
    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.needs("docker", "busybox")), "process"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    executor = str(request.param)
    if executor == "docker":
        image("busybox")
    path, left = tmp_path / "app", tmp_path / "left"
    path.mkdir()
    left.mkdir()
    # Steps of a process executor run by root are another user's.
    tmp_path.chmod(0o711)
    return Folder(path, executor, left)


def _containers(pid: int) -> list[str]:
    if not Path("/var/run/docker.sock").exists():
        return []
    command = ["docker", "ps", "-a", "--format", "{{.Names}}", "--filter", f"name=flowforge-run-{pid}-"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    return listed.stdout.split()


def test_a_folder_runs_as_it_lies_there(folder: Folder) -> None:
    folder.write(TWO_JOBS, "committed")
    git(folder.path, "init", "--quiet")
    git(folder.path, "add", "--all")
    git(
        folder.path,
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.org",
        "commit",
        "--quiet",
        "-m",
        "One",
    )
    (folder.path / "greeting").write_text("changed and not committed\n")
    done = folder.run()
    assert done.code == 0, done.err
    assert "[build] changed and not committed\n" in done.out
    assert done.out.splitlines()[-1].startswith("✓ success in ")
    assert folder.leftovers(done.pid) == []


def test_json_events_are_exactly_these(folder: Folder) -> None:
    folder.write(TWO_JOBS)
    done = folder.run("--json")
    assert done.code == 0, done.err
    events = [{key: value for key, value in event.items() if key != "seconds"} for event in done.events]
    step = {"status": "success", "cause": None, "exit_code": 0}
    ended = {"status": "success", "cause": None, "reason": ""}
    assert events[:-1] == [
        {"event": "job_started", "job": "build", "attempt": 1},
        {"event": "log", "job": "build", "step": "Look", "text": "hello\n"},
        {"event": "step_finished", "job": "build", "step": "Look", **step},
        {"event": "job_finished", "job": "build", **ended},
        {"event": "job_started", "job": "test", "attempt": 1},
        {"event": "log", "job": "test", "step": "Say", "text": "out\n"},
        {"event": "log", "job": "test", "step": "Say", "text": "err\n"},
        {"event": "step_finished", "job": "test", "step": "Say", **step},
        {"event": "job_finished", "job": "test", **ended},
    ]
    assert events[-1]["event"] == "finished"
    assert events[-1]["status"] == "success"
    jobs = [(job["name"], job["status"], job["cause"], job["steps"]) for job in events[-1]["jobs"]]
    assert jobs == [
        ("build", "success", None, [{"name": "Look", "status": "success", "exit_code": 0}]),
        ("test", "success", None, [{"name": "Say", "status": "success", "exit_code": 0}]),
    ]
    assert all(isinstance(job["seconds"], float) for job in events[-1]["jobs"])


def test_a_failed_run_exits_with_8_and_says_why_at_the_end(folder: Folder) -> None:
    folder.write(FAILING)
    done = folder.run()
    assert done.code == 8
    assert "✗ build → Look: exit code 3; its last lines:\n    bad\n" in done.out
    assert folder.leftovers(done.pid) == []


def test_ctrl_c_cancels_the_run_and_leaves_nothing(folder: Folder) -> None:
    folder.write(ENDLESS)
    process = folder.start("--json")
    assert process.stdout
    for line in process.stdout:
        if json.loads(line).get("text") == "begun\n":
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE)
    last = json.loads(out.splitlines()[-1])
    assert process.returncode == 2, err
    assert (last["event"], last["status"]) == ("finished", "cancelled")
    assert [job["status"] for job in last["jobs"]] == ["cancelled", "cancelled"]
    assert "cancelling" in err
    assert folder.leftovers(process.pid) == []


def test_ctrl_c_twice_does_not_wait_and_leaves_nothing_either(folder: Folder) -> None:
    folder.write(ENDLESS.replace("sleep 300", "trap '' TERM; sleep 300"))
    process = folder.start("--json")
    assert process.stdout
    for line in process.stdout:
        if json.loads(line).get("text") == "begun\n":
            break
    process.send_signal(signal.SIGINT)
    assert process.stderr
    while "cancelling" not in process.stderr.readline():
        pass
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=DEADLINE)
    assert process.returncode == 2
    assert time.monotonic() - began < 60
    assert folder.leftovers(process.pid) == []


def test_a_secret_reaches_its_job_and_is_masked_everywhere(folder: Folder) -> None:
    folder.write(
        TWO_JOBS.replace("cat greeting", 'test "$DEPLOY_KEY" = correct-horse && echo key=$DEPLOY_KEY')
        .replace("steps:", "secrets: [DEPLOY_KEY]\n    steps:", 1)
        .replace("echo out;", "cat greeting;"),
        greeting="in the open: correct-horse",
    )
    done = folder.run("--json", "--secret", "DEPLOY_KEY", DEPLOY_KEY="correct-horse")
    assert done.code == 0, done.out + done.err
    texts = [event["text"] for event in done.events if event["event"] == "log"]
    assert texts == ["key=***\n", "in the open: ***\n", "err\n"]
    assert "correct-horse" not in done.out + done.err


def test_a_secret_too_short_to_be_masked_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    folder = Folder(tmp_path, "process", tmp_path)
    folder.write(TWO_JOBS)
    done = folder.run("--secret", "TOK", "--secret", "LONG", TOK="12345", LONG="123456")
    assert done.code == 0, done.err
    told = "flowforge: warning: secret TOK is too short to be masked (6 characters at least)\n"
    assert done.err.startswith(told)
    assert "LONG" not in done.err


def test_one_job_comes_with_what_it_needs(folder: Folder) -> None:
    folder.write(TWO_JOBS)
    done = folder.run("--json", "--job", "build")
    assert [job["name"] for job in done.events[-1]["jobs"]] == ["build"]


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("--secret", "NOT_SET_ANYWHERE"), 64, "there is no environment variable of that name"),
        (("--input", "a"), 64, "--input a: write it as NAME=VALUE"),
        (("--job", "nope"), 1, "there is no job nope; the jobs are build, test"),
        (("--file", "nope.yml"), 1, "nope.yml: cannot be read"),
    ],
)
def test_what_cannot_be_begun_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], code: int, line: str
) -> None:
    folder = Folder(tmp_path, "process", tmp_path)
    folder.write(TWO_JOBS)
    done = folder.run(*arguments)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("flowforge: ")
    assert line in done.err
    assert done.err.count("\n") == 1


def test_a_run_that_filters_leave_out_says_so_in_one_line_and_touches_no_engine(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "app", "docker", tmp_path / "left")
    (folder.path / ".circleci").mkdir(parents=True)
    folder.left.mkdir()
    config = (
        "jobs: {a: {docker: [image: no/such], steps: [run: make]}}\n"
        'workflows: {w: {when: pipeline.git.branch == "main", jobs: [a]}}\n'
    )
    (folder.path / ".circleci/config.yml").write_text(config)
    done = folder.run(DOCKER_HOST="unix:///nowhere.sock")
    reason = "none of its jobs takes part: a: the workflow `w` is left out: its condition does not hold"
    assert (done.code, done.out, done.err) == (0, f"↷ skipped: {reason}\n", "")
    (event,) = map(json.loads, folder.run("--json").out.splitlines())
    assert (event["event"], event["status"], event["reason"]) == ("finished", "skipped", reason)
    assert [(job["name"], job["status"], job["cause"]) for job in event["jobs"]] == [
        ("a", "skipped", "filter")
    ]


def test_a_config_with_errors_is_shown_as_lint_shows_it(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "process", tmp_path)
    folder.write(TWO_JOBS.replace("requires: [build]", "requires: [biuld]"))
    done = folder.run("--json")
    assert (done.code, done.out) == (1, "")
    assert "error: the workflow has no job `biuld`" in done.err
    assert "hint: did you mean `build`?" in done.err


def test_without_a_config_the_way_out_is_told(tmp_path: Path) -> None:
    done = Folder(tmp_path, "process", tmp_path).run()
    assert done.code == 1
    assert "there is no .flowforge/ci.yml" in done.err


def test_without_an_engine_auto_takes_processes_and_says_why(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    folder = Folder(tmp_path, "auto", tmp_path)
    folder.write(TWO_JOBS)
    socket = tmp_path / "no.sock"
    done = folder.run("--json", DOCKER_HOST=f"unix://{socket}")
    assert done.code == 0, (done.out, done.err)
    assert "jobs run as plain processes of this machine: " in done.err
    assert str(socket) in done.err
    asked = Folder(tmp_path, "docker", tmp_path).run(DOCKER_HOST=f"unix://{socket}")
    assert asked.code == 1
    assert asked.err.startswith("flowforge: ")


@pytest.mark.needs("docker", "busybox")
def test_auto_takes_containers_where_the_images_are(tmp_path: Path) -> None:
    image("busybox")
    folder = Folder(tmp_path, "auto", tmp_path)
    folder.write(TWO_JOBS)
    done = folder.run("--json")
    assert done.code == 0, done.err
    assert "jobs run in containers: " in done.err


@pytest.mark.needs("docker", "busybox")
@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("docker: [{image: '127.0.0.1:1/no/such'}]", "127.0.0.1:1/no/such is not here and cannot be pulled"),
        ("", "a job in a container needs an image"),
    ],
)
def test_code_for_containers_never_runs_outside_of_one_by_a_typo(
    tmp_path: Path, place: str, reason: str
) -> None:
    image("busybox")
    tmp_path.chmod(0o711)
    folder = Folder(tmp_path, "auto", tmp_path)
    folder.write(TWO_JOBS.replace("docker: [{image: flowforge-test/busybox}]", place, 1))
    done = folder.run("--json")
    failed = next(event for event in done.events if event["event"] == "job_finished")
    assert (done.code, failed["job"], failed["status"]) == (8, "build", "failure")
    assert reason in failed["reason"]
    assert "--executor process" in failed["reason"]
    assert "hello" not in done.out
    assert "plain processes" not in done.err


def test_a_reader_that_leaves_ends_the_run(folder: Folder) -> None:
    folder.write(ENDLESS.replace("sleep 300", "while :; do echo more; done"))
    with folder.start() as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=DEADLINE) == 2
    assert folder.leftovers(process.pid) == []


@pytest.mark.parametrize("arguments", ["", "--json"])
def test_an_output_that_is_full_ends_the_run_in_one_line(tmp_path: Path, arguments: str) -> None:
    tmp_path.chmod(0o711)
    folder = Folder(tmp_path / "app", "process", tmp_path / "left")
    folder.path.mkdir()
    folder.left.mkdir()
    folder.write(ENDLESS.replace("docker: [{image: flowforge-test/busybox}]", ""))
    done = _redirected(folder, f"run --executor process {arguments} >/dev/full")
    assert (done.code, done.out) == (1, "")
    assert done.err == "flowforge: cannot write the output: No space left on device\n"
    assert list(folder.left.iterdir()) == []


@pytest.mark.parametrize("command", ["lint .flowforge/ci.yml", "--help", "run --executor process"])
@pytest.mark.parametrize(("where", "code"), [(">/dev/full", 1), (">&-", 0), ("2>&-", 0), ("2>/dev/full", 0)])
def test_streams_that_cannot_be_written_break_nothing(
    tmp_path: Path, command: str, where: str, code: int
) -> None:
    tmp_path.chmod(0o711)
    folder = Folder(tmp_path, "process", tmp_path)
    folder.write(TWO_JOBS.replace("docker: [{image: flowforge-test/busybox}]", ""))
    done = _redirected(folder, f"{command} {where}")
    assert done.code == code, done.err
    assert done.err.count("\n") == code
    assert code == 0 or done.err.endswith("No space left on device\n")


def _redirected(folder: Folder, line: str) -> Done:
    program = Path(sys.executable).with_name("flowforge")
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {program} {line}"], cwd=folder.path, text=True, capture_output=True,
        env={**os.environ, "TMPDIR": str(folder.left)}, timeout=DEADLINE, check=False,
    )  # fmt: skip
    return Done(0, done.returncode, done.stdout, done.stderr)
