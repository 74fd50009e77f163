"""Jobs that want more than their room: nothing outside of it changes, and what they forge is not believed."""

import asyncio
import os
from pathlib import Path

import pytest

from flowforge.adapters.executors.docker import DockerExecutor
from flowforge.errors import Conflict, EngineUnavailable
from flowforge.model.source import Source
from flowforge.model.status import Cause, Status
from flowforge.model.step_spec import Checkout
from flowforge.testing.sources import FakeSources
from tests.contract.executors.conftest import DOCKER, PROCESS
from tests.contract.executors.lodge import KEY, ORIGIN, Lodge, Pail, new_site, until

SOURCE = Source(origin=ORIGIN, commit="1" * 40)
CONTROL = "/.flowforge/private/control"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that no job may touch, with a file in it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_text("precious")
    folder.chmod(0o755)
    return folder


def untouched(outside: Path) -> bool:
    owners = {path.stat().st_uid for path in (outside, outside / "precious")}
    return owners == {os.geteuid()} and [path.name for path in outside.iterdir()] == ["precious"]


async def emptied(lodge: Lodge) -> None:
    workspace = lodge.site.workspace(KEY)
    await until(lambda: not workspace.exists())


async def test_emptying_follows_no_link(lodge: Lodge, outside: Path) -> None:
    text = f"ln -s {outside} folder; ln -s {outside}/precious file; ln -s . loop; mkdir -p a/b; ln -s {outside} a/b/c"
    story = await lodge.run(lodge.order(text))
    assert story.exits[0].status is Status.SUCCESS
    await emptied(lodge)
    assert untouched(outside)


async def test_emptying_copes_with_depth_odd_names_and_closed_folders(lodge: Lodge) -> None:
    deep = "i=0; while test $i -lt 40; do i=$((i+1)); d=$(seq -s / 100); mkdir -p $d; cd -P $d 2>/dev/null || break; done"
    odd = "touch -- -rf 'a b' '*' .flowforge-0; mkdir .flowforge-1; mkdir -p shut/in; touch shut/in/x; chmod 000 shut/in shut"
    story = await lodge.run(lodge.order(odd, deep))
    assert [ended.status for ended in story.exits] == [Status.SUCCESS] * 2, story.text
    await emptied(lodge)


@pytest.mark.needs("root")
async def test_a_checkout_gives_away_no_file_outside(lodge: Lodge, outside: Path) -> None:
    """The workspace changes hands after a checkout; links in it lead nowhere."""
    text = f"ln -s {outside} folder; ln -s {outside}/precious file; ln {outside}/precious hard 2>/dev/null || true"
    story = await lodge.run(
        lodge.order(text, Checkout(path="src"), "cat src/hello.txt; test -O src/hello.txt", source=SOURCE)
    )
    assert story.exits[2].status is Status.SUCCESS, story.text
    assert untouched(outside)


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "link", "link/below", "file"])
async def test_a_checkout_stays_in_the_workspace(lodge: Lodge, outside: Path, path: str) -> None:
    story = await lodge.run(
        lodge.order(f"ln -s {outside} link; touch file", Checkout(path=path), source=SOURCE)
    )
    assert (story.exits[1].status, story.exits[1].cause) == (Status.FAILURE, Cause.CONFIG)
    assert path in story.exits[1].reason
    assert untouched(outside)


@pytest.mark.parametrize(
    "deed",
    [
        f": > {CONTROL}/0.0.log",
        f"rm {CONTROL}/0.0.log",
        f"mv {CONTROL}/0.0.log {CONTROL}/x; echo forged > {CONTROL}/0.0.log",
        f"rm {CONTROL}/0.0.log; ln -s /etc/passwd {CONTROL}/0.0.log",
        f"ln -s /etc/hostname {CONTROL}/0.exit",
        f"mkdir {CONTROL}/0.exit",
        f"echo nonsense > {CONTROL}/0.exit",
        f"mkfifo {CONTROL}/0.exit",
        f"echo '6:status,7:success,5:bytes,1:0,' > {CONTROL}/0.exit",
    ],
)
@pytest.mark.parametrize("lodge", [DOCKER], indirect=True)
async def test_a_root_job_that_meddles_with_its_records_fails_as_infrastructure(
    lodge: Lodge, deed: str
) -> None:
    order, pail = lodge.order(f"echo before; sleep 0.2; {deed}; sleep 0.2; echo after; sleep 0.2"), Pail()
    async with asyncio.timeout(30), lodge.executor.open(KEY, order) as room:
        await room.begin({})
        ended = await room.run(order.steps[0], pail)
    assert (ended.status, ended.cause) == (Status.FAILURE, Cause.INFRASTRUCTURE), ended
    assert b"root:" not in pail.data


@pytest.mark.parametrize("lodge", [DOCKER], indirect=True)
async def test_a_root_job_cannot_lay_a_folder_in_the_way_of_its_stop(lodge: Lodge) -> None:
    text = f"mkdir {CONTROL}/.stop.draft; echo made; sleep 300"
    order, pail = lodge.order(text), Pail()
    async with asyncio.timeout(60):
        async with lodge.executor.open(KEY, order) as room:
            await room.begin({})
            async with asyncio.TaskGroup() as group:
                running = group.create_task(room.run(order.steps[0], pail))
                await until(lambda: pail.data)
                await room.stop("enough")
        assert running.result().status is Status.CANCELLED
        await until(lambda: not lodge.site.control(KEY).exists())


@pytest.mark.parametrize("lodge", [PROCESS], indirect=True)
async def test_a_stop_that_cannot_be_written_is_the_jobs_failure(
    lodge: Lodge, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, pail = lodge.order("echo begun; sleep 300", "true"), Pail()
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room:
        await room.begin({})
        async with asyncio.TaskGroup() as group:
            running = group.create_task(room.run(order.steps[0], pail))
            await until(lambda: pail.data)
            with monkeypatch.context() as hindered:
                hindered.setattr(
                    "flowforge.adapters.executors.room_folder.secrets.token_hex", lambda _: "no/such"
                )
                await room.stop("enough")
        behind = await room.run(order.steps[1], Pail())
    assert (running.result().status, running.result().cause) == (Status.FAILURE, Cause.INFRASTRUCTURE)
    assert behind.status is Status.SKIPPED


@pytest.mark.parametrize("lodge", [DOCKER], indirect=True)
async def test_a_link_laid_for_the_next_steps_log_is_not_followed(lodge: Lodge) -> None:
    order = lodge.order(f"ln -s /etc/passwd {CONTROL}/1.0.log", "echo mine")
    story = await lodge.run(order)
    assert story.exits[1].cause is Cause.INFRASTRUCTURE
    assert b"root:" not in story.outputs[1]


@pytest.mark.parametrize("lodge", [DOCKER], indirect=True)
async def test_a_job_cannot_end_itself_by_a_signal_to_its_supervisor(lodge: Lodge) -> None:
    story = await lodge.run(
        lodge.order("kill -TERM 1; kill -KILL 1; kill -INT 1; sleep 0.2; echo still here")
    )
    assert story.outputs == [b"still here\n"]
    assert story.exits[0].status is Status.SUCCESS


@pytest.mark.parametrize("lodge", [DOCKER], indirect=True)
async def test_a_plan_is_gone_before_the_first_step(lodge: Lodge) -> None:
    hidden = f"! grep -rq s3cret-value {CONTROL} && ! grep -q s3cret-value /proc/1/environ"
    text = f"ls -A {CONTROL}; {hidden}"
    story = await lodge.run(lodge.order(text), secrets={"TOKEN": "s3cret-value"})
    assert story.exits[0].code == 0
    assert "plan" not in story.text.split()


@pytest.mark.parametrize("lodge", [PROCESS], indirect=True)
async def test_a_workspace_that_somebody_else_made_is_refused(lodge: Lodge) -> None:
    workspace = lodge.site.workspace(KEY)
    workspace.mkdir(parents=True)
    (workspace / "file").write_text("somebody's")
    with pytest.raises(Conflict, match="exists already"):
        async with lodge.executor.open(KEY, lodge.order("true")) as room:
            await room.begin({})
    assert (workspace / "file").exists()


async def test_an_engine_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    executor = DockerExecutor(new_site(tmp_path), FakeSources({}), address=f"unix://{tmp_path}/none.sock")
    probe = await executor.probe()
    assert not probe.usable
    assert "no container engine answers at unix://" in probe.reason
    lodge = Lodge(
        kind="docker", executor=executor, site=new_site(tmp_path), sources=FakeSources({}), image="any"
    )
    with pytest.raises(EngineUnavailable):
        await lodge.run(lodge.order("true"))


@pytest.mark.parametrize("address", ["ftp://x", "nonsense", ""])
async def test_an_address_that_is_none_is_said_so(tmp_path: Path, address: str) -> None:
    probe = await DockerExecutor(new_site(tmp_path), FakeSources({}), address=address or "x").probe()
    assert not probe.usable
    assert "is no engine address" in probe.reason


def test_a_site_knows_its_folders(tmp_path: Path) -> None:
    site = new_site(tmp_path)
    assert site.workspace(KEY) == tmp_path / "work" / "pipeline-7" / "3.1"
