"""Secrets on the real server: they reach the job that declares them, and canaries find no other way out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowforge.adapters.data.folder import DataFolder
from flowforge.model.secret import WEBHOOK_SECRET
from tests.rig.canary import Canaries, canary
from tests.rig.machine import until
from tests.rig.server import REPOSITORY, RealServer
from tests.rig.stage import Stage

SING = """
{tell}
printf '%s\\n' "$DEPLOY_KEY"; printf '%s\\n' "$DEPLOY_KEY" >&2
printf 'in base64: %s\\n' "$(printf 'user:%s' "$DEPLOY_KEY" | base64 | tr -d '\\n')"
printf 'in hex: '; printf %s "$DEPLOY_KEY" | od -An -v -tx1 | tr -d ' \\n'; echo
printf '%s' "$DEPLOY_KEY" | cut -c1-9 | tr -d '\\n'; sleep 0.2; printf '%s\\n' "$DEPLOY_KEY" | cut -c10-
printf '\\033[31m%s\\033[1m%s\\033[0m\\n' "$(printf %s "$DEPLOY_KEY" | cut -c1-9)" "$(printf %s "$DEPLOY_KEY" | cut -c10-)"
echo "${{#DEPLOY_KEY}} characters"
tell sung
"""
SPY = """
{tell}
tell spying
env
cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' || true
find /dev/shm "$FLOWFORGE_WORKSPACE/../.." -type f 2>/dev/null | head -200 | xargs cat 2>/dev/null || true
"""


def pipeline(stage: Stage) -> bytes:
    def job(script: str, *secrets: str) -> dict[str, object]:
        steps = [{"run": script.format(tell=stage.counter.shell())}]
        declared = {"secrets": list(secrets)} if secrets else {}
        return {"docker": [{"image": stage.machine.image}], "steps": steps, **declared}

    jobs = {"sings": job(SING, "DEPLOY_KEY"), "spies": job(SPY)}
    return json.dumps({"jobs": jobs, "workflows": {"main": {"jobs": list(jobs)}}}).encode()


def put(server: RealServer, name: str, value: str, **place: str) -> None:
    answer = server.api("PUT", "/secrets", {"name": name, "value": value, **place})
    assert answer.status == 200, answer.body
    assert value.encode() not in answer.body


def known_project(stage: Stage) -> None:
    """Its first push makes a project known."""
    pushed = stage.server.push(stage.forge, {"README": b"nothing to run"})
    stage.server.over(pushed.run_id)


def is_private(path: Path) -> bool:
    """It, or a folder on the way to it, is its owner's alone."""
    return any(place.stat().st_mode & 0o077 == 0 for place in (path, path.parent, path.parent.parent))


def test_canaries_get_nowhere(stage: Stage) -> None:
    server = stage.server
    known_project(stage)
    values = {
        name: canary(name) for name in ("declared", "wide", "live", "other", "grouped", "token", "hook")
    }
    put(server, "DEPLOY_KEY", values["declared"], project=REPOSITORY)
    put(server, "DEPLOY_KEY", values["wide"])
    put(server, "DEPLOY_KEY", values["live"], project=REPOSITORY, environment="live")
    put(server, "DEPLOY_KEY", values["other"], project=REPOSITORY, branch="other/*")
    put(server, "DEPLOY_KEY", values["grouped"], group="registry")
    put(server, "GITHUB_TOKEN", values["token"], kind="forge_token", project=REPOSITORY)
    canaries = Canaries(values)

    stage.counter.hold("sung")
    stage.counter.hold("spying")
    pushed = server.push(stage.forge, {".flowforge/ci.yml": pipeline(stage)})
    put(server, WEBHOOK_SECRET, values["hook"], kind="webhook", project=REPOSITORY)
    stage.counter.wait_for("sung")
    stage.counter.wait_for("spying")
    seen = canaries.in_folders(server.folder) + canaries.in_engine(server)
    seen += canaries.in_answers(server, pushed.run_id)
    assert seen == [], "while the jobs run"
    rooms = DataFolder(server.data).rooms()
    own = {place.rpartition(": ")[2] for place in canaries.in_folders(rooms)}
    assert own <= {"declared"}, "a room has what its job declared"
    for place in canaries.in_folders(rooms):
        assert is_private(Path(place.rpartition(": ")[0])), place
    held = {place.rpartition(": ")[2] for place in canaries.in_processes(server)}
    assert held <= ({"declared"} if stage.machine.name == "process" else set())
    stage.counter.release("spying")
    stage.counter.release("sung")

    run = server.over(pushed.run_id)
    assert run["status"] == "success", run
    log = server.log(pushed.run_id, "sings")
    assert log.count(b"***") >= 5
    assert f"{len(values['declared'])} characters".encode() in log
    until(lambda: not stage.machine.left_behind(server), "nothing left behind")
    assert canaries.anywhere(server, pushed.run_id) == []
    assert server.stop() == 0
    assert canaries.in_folders(server.folder) == [], "nor in what a stopped server leaves"


@pytest.mark.parametrize(
    "machine", [pytest.param("process", marks=pytest.mark.needs("busybox", "git"))], indirect=True
)
def test_secrets_are_set_used_rotated_and_removed_from_the_command_line(stage: Stage) -> None:
    server, value = stage.server, canary("by-hand")
    known_project(stage)

    def flowforge(*arguments: str, given: str = "") -> str:
        command = [sys.executable, "-c", "from flowforge.cli.main import main; main()", *arguments]
        environment = {
            "PATH": os.environ["PATH"],
            "FLOWFORGE_SERVER_URL": server.url,
            "HOME": str(server.folder / "home"),
        }
        token = (server.data / "local.token").read_text().strip()
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            env=environment | {"FLOWFORGE_TOKEN": token},
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert value not in done.stdout + done.stderr
        return done.stdout

    assert flowforge("secrets", "set", "DEPLOY_KEY", "--project", REPOSITORY, given=value + "\n") == (
        "DEPLOY_KEY is set, version 1\n"
    )
    before = (server.data / "keys" / "master.keys").read_bytes()
    assert flowforge("secrets", "rotate-key") == "master key 2 seals 1 secret anew\n"
    server.kill()
    # As a crash between making a new key and sealing anew would leave it.
    after = (server.data / "keys" / "master.keys").read_bytes()
    assert before != after
    server.start()
    assert flowforge("secrets", "list").split("\t")[:2] == ["DEPLOY_KEY", REPOSITORY]
    pushed = server.push(stage.forge, {".flowforge/ci.yml": pipeline(stage)})
    assert server.over(pushed.run_id)["status"] == "success"
    assert f"{len(value)} characters".encode() in server.log(pushed.run_id, "sings")
    flowforge("secrets", "remove", "DEPLOY_KEY", "--project", REPOSITORY)
    again = server.push(stage.forge, {".flowforge/ci.yml": pipeline(stage), "again": b""})
    jobs = {job["name"]: job for job in server.over(again.run_id)["jobs"]}
    assert jobs["sings"]["reason"] == "no value is set for the declared secret DEPLOY_KEY"
