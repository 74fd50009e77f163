"""The supervisor itself: built with the compiler's own checks, and fed what the host would never write."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowforge.adapters.executors import netstrings, supervisor
from flowforge.adapters.executors.process import ProcessExecutor
from flowforge.model.source import Source
from flowforge.model.status import Cause, Status
from flowforge.model.step_spec import Checkout
from flowforge.testing.sources import FakeSources
from tests.contract.executors.lodge import KEY, ORIGIN, Lodge, Pail, When, new_site, script, until

SOURCES = Path(supervisor.__file__).parent
CHECKS = (
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-g",
    "-O1",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover",
)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The supervisor with address and undefined-behaviour checks, which end it where they find something."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs cc: no compiler (Debian package gcc)")
    folder = tmp_path_factory.mktemp("checked")
    program = folder / "supervisor"
    for path in (folder, folder.parent):
        path.chmod(0o755)
    command = [compiler, *CHECKS, "-o", str(program), *sorted(str(path) for path in SOURCES.glob("*.c"))]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if "cannot find" in built.stderr:
        pytest.skip("needs cc: its sanitizers are missing (Debian package libgcc-12-dev)")
    assert built.returncode == 0, built.stderr
    return program


@pytest.fixture
def checked_lodge(checked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lodge:
    monkeypatch.setattr(supervisor, "for_this_machine", lambda: checked)
    site, sources = new_site(tmp_path), FakeSources({ORIGIN: {"hello.txt": b"hello\n"}})
    return Lodge(kind="process", executor=ProcessExecutor(site, sources), site=site, sources=sources)


async def test_a_checked_supervisor_finds_nothing_in_a_varied_job(checked_lodge: Lodge) -> None:
    order = checked_lodge.order(
        script(0, "echo begin; env; false | true", env={f"N{n}": "v" * n for n in range(300)}),
        script(1, "seq 1 3000000", when=When.ON_FAIL),
        script(2, "trap '' TERM; while true; do sleep 0.05; done", when=When.ALWAYS, timeout=0.2),
        script(
            3,
            "(while true; do echo noise; sleep 0.01; done) & setsid sleep 50 & mkdir -p a/b/c",
            when=When.ALWAYS,
        ),
        script(4, "print", shell=("no-such-shell",), when=When.ALWAYS),
        script(5, "true", working_directory="~/nowhere", when=When.ALWAYS),
        script(6, "echo quiet; sleep 50", silence_timeout=0.3, when=When.ALWAYS),
    )
    story = await checked_lodge.run(order)
    causes = [ended.cause for ended in story.exits]
    assert causes == [Cause.EXIT, None, Cause.TIMEOUT, None, Cause.CONFIG, Cause.CONFIG, Cause.TIMEOUT]
    assert len(story.outputs[1]) == 22888896
    assert not checked_lodge.site.control(KEY).exists()


async def test_a_checked_supervisor_finds_nothing_in_checkouts_and_a_cancel(checked_lodge: Lodge) -> None:
    order = checked_lodge.order(
        "true", Checkout(path="x"), "cat x/hello.txt", Checkout(path="../x"), "true",
        source=Source(origin=ORIGIN, commit=""),
    )  # fmt: skip
    story = await checked_lodge.run(order)
    assert story.exits[3].cause is Cause.CONFIG
    order = checked_lodge.order("sleep 60")
    async with asyncio.timeout(30), checked_lodge.executor.open(KEY, order) as room:
        await room.begin({})
        await room.stop("enough")
        assert (await room.run(order.steps[0], Pail())).status is Status.CANCELLED


PLANS = {
    "nothing": b"",
    "garbage": b"\x00\xff\xfe garbage",
    "cut off": netstrings.pack([("workspace", "/tmp"), ("scripts", "/tmp/x")])[:-1],
    "a length without end": b"9" * 5000,
    "a length beyond all memory": b"99999999999999999999:x,",
    "a name without a value": b"9:workspace,",
    "an unknown name": netstrings.pack([("workspace", "/tmp"), ("scripts", "/tmp/x"), ("color", "red")]),
    "a step before the room": netstrings.pack([("step", "script"), ("script", "true")]),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_a_plan_that_is_none_is_refused_and_removed(checked: Path, tmp_path: Path, plan: bytes) -> None:
    (tmp_path / "plan").write_bytes(plan)
    ended = subprocess.run(
        [checked, "detach", tmp_path], capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 1
    assert "the plan cannot be read" in ended.stderr
    assert not (tmp_path / "plan").exists()


def test_steps_that_were_begun_are_never_begun_again(checked: Path, tmp_path: Path) -> None:
    (tmp_path / "alive").touch()
    (tmp_path / "plan").write_bytes(netstrings.pack([("workspace", str(tmp_path)), ("scripts", "/nowhere")]))
    ended = subprocess.run(
        [checked, "detach", tmp_path], capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 1
    assert "begun before" in ended.stderr


async def test_a_stop_that_is_there_before_the_first_step_is_carried_by_it(
    checked: Path, tmp_path: Path
) -> None:
    control, workspace = tmp_path / "control", tmp_path / "workspace"
    for folder in (control, workspace):
        folder.mkdir()
    step = [("step", "script"), ("when", "always"), ("cwd", "."), ("script", "touch begun")]
    room = [("workspace", str(workspace)), ("scripts", str(tmp_path / "scripts"))]
    (control / "plan").write_bytes(netstrings.pack([*room, *step, *step]))
    (control / "stop").write_text("enough")
    await asyncio.to_thread(lambda: subprocess.run([checked, "detach", control], check=True, timeout=30))
    await until((control / "1.exit").exists)
    records = [dict(netstrings.unpack((control / f"{index}.exit").read_bytes())) for index in (0, 1)]
    assert [(record["status"], record.get("cause")) for record in records] == [
        (b"cancelled", b"stopped"),
        (b"skipped", None),
    ]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "tree"
    root.mkdir()
    yield root
    shutil.rmtree(root, ignore_errors=True)


def test_a_folder_deeper_than_any_path_is_emptied(checked: Path, tree: Path) -> None:
    here = os.open(tree, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("deep", dir_fd=here)
        below = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    subprocess.run([checked, "empty", tree], check=True, timeout=60)
    assert list(tree.iterdir()) == []


def test_emptying_a_link_is_refused(checked: Path, tree: Path, tmp_path: Path) -> None:
    (tree / "kept").touch()
    (tmp_path / "link").symlink_to(tree)
    ended = subprocess.run([checked, "empty", tmp_path / "link"], capture_output=True, check=False)
    assert ended.returncode == 1
    assert (tree / "kept").exists()


def test_anything_else_is_answered_with_the_usage(checked: Path) -> None:
    for arguments in ([], ["run"], ["dance", "/tmp"], ["run", "/nowhere"]):
        ended = subprocess.run([checked, *arguments], capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        assert "flowforge-supervisor:" in ended.stderr
