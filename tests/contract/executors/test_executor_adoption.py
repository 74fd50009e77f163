"""A step outlives its watchers, and what outlives nobody is found."""

import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from flowforge.errors import RoomGone
from flowforge.model.status import Cause, Status
from tests.contract.executors.conftest import DOCKER, PROCESS
from tests.contract.executors.lodge import KEY, Lodge, Pail, new_site, until
from tests.needs import ENGINE_SOCKET

LINES = 150
# The first file counts how often the step began.
COUNTING = (
    f"echo begun >> count; for i in $(seq {LINES}); do echo line $i; sleep 0.01; done; cat count hello.txt"
)
EXPECTED = "".join(f"line {i}\n" for i in range(1, LINES + 1)) + "begun\nhello\n"
STRANGER = 12345


class Watcher:
    """One or more processes that watch one job, one after the other."""

    def __init__(
        self, lodge: Lodge, store: Path, *scripts: str, user: int | None = None, warm: bool = False
    ) -> None:
        store.mkdir(exist_ok=True)
        self._store = store
        self._told = {
            "kind": lodge.kind, "instance": lodge.site.instance, "folder": str(lodge.site.folder), "image": lodge.image,
            "workspaces": str(lodge.site.workspaces), "key": str(KEY), "scripts": scripts, "store": str(store), "user": user,
            "warm": warm,
        }  # fmt: skip

    @contextmanager
    def alive(self) -> Iterator[subprocess.Popen[bytes]]:
        """Killed at the end, if it did not end."""
        command = [sys.executable, "-m", "tests.contract.executors.watcher", json.dumps(self._told)]
        with (self._store / "stderr").open("wb") as stderr:
            process = subprocess.Popen(command, cwd=Path(__file__).parents[3], stderr=stderr)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def stored(self, step: int = 0) -> bytes:
        path = self._store / f"{step}.out"
        return path.read_bytes() if path.exists() else b""

    def ended(self, step: int = 0) -> str:
        path = self._store / f"{step}.end"
        return path.read_text() if path.exists() else ""

    async def finish(self) -> None:
        with self.alive() as process:
            await asyncio.to_thread(process.wait, 60)
        assert process.returncode == 0, (self._store / "stderr").read_text()


def leftovers(lodge: Lodge) -> list[Path]:
    found = [path for folder in (lodge.site.folder, lodge.site.workspaces) for path in _below(folder)]
    if lodge.kind == "docker":
        label = f"label=flowforge.instance={lodge.site.instance}"
        listed = subprocess.run(
            ["docker", "ps", "-aq", "--filter", label], capture_output=True, text=True, check=True
        )
        found += [Path(name) for name in listed.stdout.split()]
    return found


def _below(folder: Path) -> Iterator[Path]:
    """What goes away meanwhile is not there."""
    for path, folders, files in os.walk(folder):
        yield from (Path(path, name) for name in (*folders, *files))


async def test_a_job_whose_watcher_was_killed_goes_on_and_is_read_to_its_end(
    lodge: Lodge, tmp_path: Path
) -> None:
    watcher = Watcher(lodge, tmp_path / "store", COUNTING, "echo second")
    for share in (0.1, 0.5):
        with watcher.alive():
            await until(lambda share=share: len(watcher.stored()) > share * len(EXPECTED))  # type: ignore[misc]
    await watcher.finish()
    assert watcher.stored().decode() == EXPECTED
    assert (watcher.ended(), watcher.ended(1)) == ("success 0 ", "success 0 ")
    assert watcher.stored(1) == b"second\n"
    assert leftovers(lodge) == []


@pytest.mark.parametrize("delay", [0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.7])
async def test_a_watcher_may_be_killed_at_any_moment(lodge: Lodge, tmp_path: Path, delay: float) -> None:
    """Before the room is there, while it is being made, and when it has ended: the moments differ with the machine."""
    watcher = Watcher(
        lodge, tmp_path / "store", "echo begun >> count; cat count", "sleep 0.1; cat count hello.txt"
    )
    with watcher.alive() as process, suppress(subprocess.TimeoutExpired):
        await asyncio.to_thread(process.wait, delay)
    if not watcher.ended(1):
        await watcher.finish()
    assert [watcher.stored(step) for step in (0, 1)] == [b"begun\n", b"begun\nhello\n"]
    await lodge.executor.sweep(())
    assert leftovers(lodge) == []


async def test_a_job_that_ended_with_nobody_watching_is_read_afterwards(lodge: Lodge, tmp_path: Path) -> None:
    watcher = Watcher(lodge, tmp_path / "store", "echo begun; sleep 0.3; echo late; exit 5")
    with watcher.alive():
        await until(watcher.stored)
    await until((lodge.site.control(KEY) / "0.exit").exists)
    await watcher.finish()
    assert watcher.stored() == b"begun\nlate\n"
    assert watcher.ended() == "failure 5 "


async def test_what_nobody_comes_back_for_is_swept_with_its_processes(lodge: Lodge, tmp_path: Path) -> None:
    watcher = Watcher(lodge, tmp_path / "store", "trap '' TERM; echo begun; while true; do sleep 0.1; done")
    with watcher.alive():
        await until(watcher.stored)
    assert list(await lodge.executor.sweep(())) == [f"room {KEY}"]
    assert leftovers(lodge) == []


async def test_a_sweep_leaves_what_another_instance_made(lodge: Lodge, tmp_path: Path) -> None:
    order, pail = lodge.order("echo begun; sleep 0.5; echo done"), Pail()
    async with asyncio.timeout(30), lodge.executor.open(KEY, order) as room:
        await room.begin({})
        other = type(lodge.executor)(new_site(tmp_path / "other"), lodge.sources)  # type: ignore[call-arg]
        assert list(await other.sweep(())) == []
        ended = await room.run(order.steps[0], pail)
    assert (ended.status, pail.data) == (Status.SUCCESS, b"begun\ndone\n")


@pytest.mark.needs("root")
@pytest.mark.parametrize("lodge", [DOCKER], indirect=True)
async def test_a_server_without_privileges_leaves_nothing_either(lodge: Lodge, tmp_path: Path) -> None:
    """What root made in the container is emptied from inside it."""
    assert stat.S_IMODE(ENGINE_SOCKET.stat().st_mode) & 0o060
    for folder in (lodge.site.folder, lodge.site.workspaces, tmp_path / "store"):
        folder.mkdir()
        os.chown(folder, STRANGER, STRANGER)
    text = "mkdir -p a/b; touch a/b/c; chmod 700 a; ln -s / a/link; cat hello.txt; stat -c %u ."
    watcher = Watcher(lodge, tmp_path / "store", text, user=STRANGER)
    await watcher.finish()
    assert watcher.stored() == b"hello\n0\n"
    assert leftovers(lodge) == []


@pytest.mark.parametrize("how", ["kill", "rm -f", "stop -t 5"])
@pytest.mark.parametrize("lodge", [DOCKER], indirect=True)
async def test_a_container_that_somebody_ends_is_a_failure_of_its_own_kind(lodge: Lodge, how: str) -> None:
    name = f"flowforge-{lodge.site.instance}-{KEY}"
    order = lodge.order("echo begun; sleep 60", "echo next")
    pail = Pail()
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room, asyncio.TaskGroup() as group:
        await room.begin({})
        running = group.create_task(room.run(order.steps[0], pail))
        await until(lambda: pail.data)
        await asyncio.to_thread(
            subprocess.run, ["docker", *how.split(), name], check=True, capture_output=True
        )
        ended = await running
        behind = await room.run(order.steps[1], Pail())
    expected = Cause.INFRASTRUCTURE if how.startswith("stop") else Cause.LOST
    assert (ended.status, ended.cause) == (Status.FAILURE, expected)
    assert ended.reason
    assert pail.data == b"begun\n"
    assert behind.status is Status.SKIPPED


@pytest.mark.parametrize("lodge", [PROCESS], indirect=True)
async def test_a_killed_supervisor_is_lost_and_so_is_its_step(lodge: Lodge) -> None:
    order = lodge.order("echo $$; exec sleep 61", "echo next")
    pail = Pail()
    async with asyncio.timeout(30), lodge.executor.open(KEY, order) as room, asyncio.TaskGroup() as group:
        await room.begin({})
        running = group.create_task(room.run(order.steps[0], pail))
        await until(lambda: pail.data)
        os.kill(_supervisor(lodge), signal.SIGKILL)
        ended = await running
        behind = await room.run(order.steps[1], Pail())
    assert (ended.status, ended.cause) == (Status.FAILURE, Cause.LOST)
    assert behind.status is Status.SKIPPED
    await until(lambda: not Path(f"/proc/{int(pail.data)}").exists())


def _supervisor(lodge: Lodge) -> int:
    control = os.fsencode(lodge.site.control(KEY))
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().split(b"\0")[1:3] == [b"detach", control]:
                return int(path.parent.name)
        except OSError:
            continue
    raise AssertionError("no supervisor")


@pytest.mark.parametrize("lost", ["control folder", "secrets", "both"])
async def test_a_machine_that_lost_its_memory_says_so_and_keeps_nothing(lodge: Lodge, lost: str) -> None:
    """What is on a tmpfs is gone after a restart; the workspace, on disk, is not, and neither is a container."""
    site, order = lodge.site, lodge.order("echo x > file; sleep 60")
    with pytest.raises(asyncio.CancelledError):  # noqa: PT012 - how the block is left is the point
        async with lodge.executor.open(KEY, order) as room:
            await room.begin({"TOKEN": "s3cret"})
            raise asyncio.CancelledError
    if lodge.kind == "process":
        os.kill(_supervisor(lodge), signal.SIGKILL)
    if lost != "secrets":
        shutil.rmtree(site.control(KEY))
    if lost != "control folder":
        site.control(KEY).with_name(f"{KEY}.secrets").unlink()
    with pytest.raises(RoomGone):
        async with lodge.executor.open(KEY, order) as room:
            await room.resume()
    await until(lambda: not leftovers(lodge))


async def test_the_secrets_a_room_was_begun_with_are_ours_alone(lodge: Lodge) -> None:
    order = lodge.order("sleep 60")
    async with lodge.executor.open(KEY, order) as room:
        await room.begin({"TOKEN": "s3cret"})
        kept = lodge.site.control(KEY).with_name(f"{KEY}.secrets")
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert not any(b"s3cret" in path.read_bytes() for path in lodge.site.control(KEY).glob("*.*"))
    await until(lambda: not kept.exists())
