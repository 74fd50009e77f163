"""Whatever a push brings along, through the real server: refused soon, with its place and reason, and nothing is executed,
called or shown (research names A07 to A18; the git attacks themselves are taken apart in tests/contract/git)."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.git_repositories import Executable, File, Forge, Link, Submodule
from tests.rig import FakeGitHub, RealServer
from tests.rig.forge import fake_github
from tests.rig.machine import process
from tests.rig.server import SECRET, Answer
from tests.rig.stage import come_to_rest, wait_for_delivery
from tests.rig.tripwire import Tripwire, found_below, tripwire

pytestmark = pytest.mark.needs("git", "busybox")

REPOSITORY = "acme/web"
SOON = 8.0
"""Seconds within which a refusal stands, on a machine that does other things too."""
STATUS_TOKEN = b"a-token-for-statuses"


@dataclass(frozen=True)
class House:
    forge: FakeGitHub
    server: RealServer
    canary: Tripwire
    redirecting: str

    def send(self, payload: dict[str, Any]) -> Answer:
        push = self.forge.signed(payload, SECRET)
        return self.server.ask("POST", "/webhook", push.body, push.headers)

    def payload(self, commit: str, repository: str = REPOSITORY, **changes: Any) -> dict[str, Any]:
        payload: dict[str, Any] = self.forge.push(repository, commit, SECRET).payload
        return payload | changes

    def cloned_from(self, url: str) -> dict[str, Any]:
        payload = self.payload("c" * 40)
        number = abs(hash(url)) % 1_000_000
        repository = payload["repository"] | {"clone_url": url, "html_url": url, "id": number}
        return payload | {"repository": repository, "after": f"{number:040x}"}

    def refuses(self, answer: Answer) -> Any:
        """At the door, or as a run that failed before it had a job."""
        if answer.status == 400:
            return answer.value
        assert answer.status == 200, answer.body
        run = self.server.over(int(answer.value["pipeline_id"]), SOON)
        assert (run["status"], run["jobs"]) == ("failure", [])
        assert run["reason"]
        return run

    def config(self, text: bytes, **files: File) -> Any:
        commit = self.forge.commit(REPOSITORY, {".flowforge/ci.yml": text, **files})
        return self.refuses(self.send(self.payload(commit)))

    def carries_out(self, commit: str, repository: str = REPOSITORY, **changes: Any) -> tuple[Any, bytes]:
        answer = self.send(self.payload(commit, repository, **changes))
        assert answer.status == 200, answer.body
        run = self.server.over(int(answer.value["pipeline_id"]), 30)
        wait_for_delivery(self.server, run["id"])
        return run, self.server.log(run["id"], "build") if run["jobs"] else b""


class _Redirect(BaseHTTPRequestHandler):
    target = ""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", self.target + self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One server for all of it: what it refused, it must have survived."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "forge").mkdir()
    machine = process()
    with tripwire(folder / "canary") as watched, fake_github(folder / "forge") as forge:
        handler = type("Redirect", (_Redirect,), {"target": f"http://127.0.0.1:{watched.port}"})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as redirecting:
            Thread(target=redirecting.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            place = f"127.0.0.1:{redirecting.server_port}"
            trusted = f"{forge.environment['FLOWFORGE_TRUSTED_FORGES']},{place}"
            settings = forge.environment | machine.environment | {"FLOWFORGE_TRUSTED_FORGES": trusted}
            with RealServer(folder, settings) as server:
                yield House(forge, server, watched, place)
                assert server.ask("GET", "/health").status == 200
                come_to_rest(server, machine)
            redirecting.shutdown()
        assert found_below(server.data, STATUS_TOKEN) == []


@pytest.fixture(autouse=True)
def _nothing_is_touched(house: House) -> Iterator[None]:
    yield
    house.canary.lives()


ADDRESSES = [
    "ext::sh -c touch%%20{file}", "fd::17/foo", "file://{folder}/forge/acme/web.git", "{folder}/forge/acme/web.git",
    "--upload-pack=touch {file}", "ssh://-oProxyCommand=touch%20{file}/web", "git://127.0.0.1:{port}/web",
    "http://127.0.0.1:{port}/web.git", "http://[::ffff:127.0.0.1]:{port}/web.git", "http://[::1]:{port}/web.git",
    "http://2130706433:{port}/web.git", "http://0x7f.1:{port}/web.git", "http://0177.0.0.1:{port}/web.git",
    "http://localhost:{port}/web.git", "http://0.0.0.0:{port}/web.git", "http://169.254.169.254/web.git",
    "http://10.0.0.1/web.git", "http://172.16.0.1/web.git", "http://192.168.0.1/web.git", "http://100.64.0.1/web.git",
    "http://user:word@127.0.0.1:{port}/web.git", "http://{redirecting}/web.git",
    "http://127.0.0.1:{port}#{redirecting}/web.git", "http://{redirecting}@127.0.0.1:{port}/web.git",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_internal_or_executing_address_is_cloned_from(house: House, address: str) -> None:
    named = address.format(
        file=house.canary.file,
        folder=house.server.folder,
        port=house.canary.port,
        redirecting=house.redirecting,
    )
    house.refuses(house.send(house.cloned_from(named)))


REFS = [
    "--upload-pack=touch {file}", "-x", "refs/heads/-x\ny", "refs/heads/../../config", "refs/heads/a..b", "refs/heads/",
    "refs/notes/x", "HEAD", "main", "refs/heads/a b", "refs/heads/a.lock", "refs/heads/x@{{0}}", "refs/heads/\x1b[2J",
]  # fmt: skip


@pytest.mark.parametrize("ref", REFS)
def test_a_ref_that_is_an_option_or_none_is_refused_at_the_door(house: House, ref: str) -> None:
    answer = house.send(house.payload("c" * 40, ref=ref.format(file=house.canary.file)))
    assert (answer.status, answer.value["field"]) == (400, "ref")


@pytest.mark.parametrize("commit", ["--output=x", "HEAD", "c" * 39, "c" * 41, "../../x", "$(touch x)", 7])
def test_a_commit_that_is_none_is_refused_at_the_door(house: House, commit: object) -> None:
    answer = house.send(house.payload("c" * 40) | {"after": commit})
    assert (answer.status, answer.value["field"]) == (400, "after")


def test_shell_in_a_branch_and_a_title_stays_text(house: House) -> None:
    shown = 'printf "%s\\n" "$FLOWFORGE_BRANCH" "$FLOWFORGE_TITLE" "$FLOWFORGE_AUTHOR"'
    config = json.dumps({"jobs": {"build": {"steps": ["checkout", {"run": shown}]}}}).encode()
    evil = f"$({house.canary.command.replace(' ', '${IFS}')});`touch`\"'&&x"
    title = f"`{house.canary.command}`; $({house.canary.command})\n\n| {house.canary.command}"
    branch = evil.replace("'", "").replace('"', "")
    commit = house.forge.commit(REPOSITORY, {".flowforge/ci.yml": config, f"{'x'}/$(touch)": b""}, branch)
    head = {"id": commit, "message": title, "author": {"name": evil, "username": evil}}
    run, log = house.carries_out(commit, ref=f"refs/heads/{branch}", head_commit=head)
    assert run["status"] == "success", run
    assert (branch.encode() in log, title.splitlines()[0].encode() in log) == (True, True)


def test_what_a_repository_brings_along_is_never_run(house: House) -> None:
    """Hooks, filters, LFS, a file system monitor, links into git's own folder, with a checkout."""
    evil = house.canary.command
    files: dict[str, File] = {
        ".flowforge/ci.yml": b"jobs: {build: {steps: [checkout, {run: git status --short && ls -A}]}}",
        ".gitattributes": b"* filter=evil diff=evil merge=evil\n*.bin filter=lfs\n",
        ".gitconfig": f'[core]\n\tfsmonitor = "{evil}"\n[filter "evil"]\n\tsmudge = {evil}\n'.encode(),
        ".lfsconfig": f"[lfs]\n\turl = http://127.0.0.1:{house.canary.port}/\n".encode(),
        "big.bin": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 4\n",
        "hooks/post-checkout": Executable(f"#!/bin/sh\n{evil}\n".encode()),
        "lib": Link(b".git/hooks"),
    }
    run, log = house.carries_out(house.forge.commit("acme/hooks", files), "acme/hooks")
    assert (run["status"], b"big.bin" in log) == ("success", True), (run, log)


SUBMODULES = [
    '[submodule "../../x"]\n\tpath = x\n\turl = https://forge.example/x.git\n',
    '[submodule "x"]\n\tpath = "x\r"\n\turl = ext::sh -c {evil}\n',
    '[submodule "x"]\n\tpath = x\n\turl = --upload-pack={evil}\n',
    '[submodule "x"]\n\tpath = x\n\turl = https://forge.example/x.git\n\tupdate = !{evil}\n',
    '[submodule "x"]\n\tpath = x\n\turl = {local}\n',
]


@pytest.mark.parametrize("number", range(len(SUBMODULES)))
def test_a_submodule_that_leads_outside_is_refused_or_left_empty(house: House, number: int) -> None:
    local = f"file://{house.server.folder}/forge/acme/web.git"
    modules = SUBMODULES[number].format(evil=house.canary.command, local=local)
    config = b'jobs: {build: {steps: [checkout, {run: test -z "$(ls -A x)"}]}}'
    files: dict[str, File] = {".flowforge/ci.yml": config, ".gitmodules": modules.encode(), "x": Submodule()}
    repository = f"acme/modules{number}"
    run, _ = house.carries_out(house.forge.commit(repository, files), repository)
    assert run["status"] == "success" or "gitmodules" in run["reason"], run


@pytest.mark.parametrize("name", [b".git", b".GIT", b"git~1", b"..", b".g\xe2\x80\x8cit", b"a/../../x"])
def test_a_tree_with_a_name_that_no_workspace_may_have_is_refused(house: House, name: bytes) -> None:
    bare = Forge.__new__(Forge)
    bare.path = house.forge.folder / "acme" / "trees.git"
    house.forge.commit("acme/trees", {"a": b"1"})
    evil = bare.raw_tree(
        [("100755", b"config", bare.object(f"[core]\nfsmonitor={house.canary.command}".encode()))]
    )
    commit = bare.commit_tree(bare.raw_tree([("40000", name, evil)]), "refs/heads/evil")
    run = house.refuses(house.send(house.payload(commit, "acme/trees", ref="refs/heads/evil")))
    assert (run["status"], str(run["reason"]).isprintable()) == ("failure", True)


@pytest.mark.parametrize("target", [b"/etc/passwd", b"../../../../etc/passwd", b"ci.yml"])
def test_a_config_that_is_a_link_is_refused_and_what_it_leads_to_not_shown(
    house: House, target: bytes
) -> None:
    commit = house.forge.commit(REPOSITORY, {".flowforge/ci.yml": Link(target)})
    run = house.refuses(house.send(house.payload(commit)))
    assert "link" in run["reason"], run
    assert "root:" not in json.dumps(run)


def bomb() -> bytes:
    levels = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 10)]
    return b"\n".join([*levels, b"jobs: *a9"])


CONFIGS: dict[str, bytes] = {
    "aliases of aliases": bomb(),
    "an alias of itself": b"jobs: &a {b: *a}",
    "great depth": b"jobs: " + b"[" * 100_000,
    "ten megabytes": b"# " + b"x" * 10_000_000 + b"\njobs: {}",
    "many values": b"jobs: [" + b"1," * 400_000 + b"1]",
    "a Python object": b'jobs: !!python/object/apply:os.system ["touch /tmp/x"]',
    "a tag of its own": b"jobs: !evil {a: {steps: [run: echo]}}",
    "a merge of everything": b"x: &x {<<: [*x, *x]}\njobs: *x",
    "a key twice": b"jobs: {a: {steps: [run: echo]}}\njobs: {}",
    "two documents": b"jobs: {a: {steps: [run: echo]}}\n---\njobs: {}",
    "half a character": b"jobs: {a: {steps: [run: '\xe2\x82']}}",
    "a job named like an option": b"jobs: {'--privileged': {steps: [run: echo]}}",
    "a job named like a path": b"jobs: {'../../x': {steps: [run: echo]}}",
    "an image that is an option": b"jobs: {a: {image: '--privileged', steps: [run: echo]}}",
    "a folder outside": b"jobs: {a: {steps: [{checkout: {path: ../../x}}]}}",
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_that_is_a_weapon_is_refused_soon_with_its_place(house: House, name: str) -> None:
    run = house.config(CONFIGS[name])
    assert run["cause"] == "config", run
    assert run["reason"].startswith(".flowforge/ci.yml")


PRIVILEGES = [
    "privileged: true", "devices: [/dev/sda]", "volumes: ['/:/host']", "network_mode: host", "pid: host", "ipc: host",
    "userns: host", "cap_add: [ALL]", "security_opt: [seccomp=unconfined]", "Privileged: true", "options: --privileged",
    "volumes_from: [x]", "cgroup_parent: /", "runtime: runc", "extra_hosts: ['a:127.0.0.1']", "sysctls: {a: 1}",
    "mounts: ['/var/run/docker.sock']", "args: [--privileged]",
]  # fmt: skip


@pytest.mark.parametrize("knob", PRIVILEGES)
@pytest.mark.parametrize("place", ["job", "container"])
def test_no_config_grants_itself_a_privilege(house: House, knob: str, place: str) -> None:
    inside = f"docker: [{{image: busybox, {knob}}}]" if place == "container" else f"{knob}, image: busybox"
    run = house.config(f"jobs:\n  a: {{{inside}, steps: [run: {house.canary.command}]}}\n".encode())
    assert run["cause"] == "config", run
    assert run["reason"].startswith(".flowforge/ci.yml:2:")


def test_a_filter_that_backtracks_without_end_costs_no_time(house: House) -> None:
    config = b"""
jobs: {a: {steps: [run: echo]}}
workflows: {main: {jobs: [a: {filters: {branches: {only: '/^(a+)+$/'}}}]}}
"""
    branch = "a" * 200 + "!"
    commit = house.forge.commit(REPOSITORY, {".flowforge/ci.yml": config}, branch)
    answer = house.send(house.payload(commit, ref=f"refs/heads/{branch}"))
    house.server.over(int(answer.value["pipeline_id"]), SOON)


def test_no_secret_of_the_server_is_seen_from_outside(house: House) -> None:
    assert house.server.process
    command = Path(f"/proc/{house.server.process.pid}/cmdline").read_bytes()
    listed = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, check=True).stdout
    assert STATUS_TOKEN not in command + listed
    assert SECRET.encode() not in command + listed
    assert found_below(house.server.data, SECRET.encode()) == []
