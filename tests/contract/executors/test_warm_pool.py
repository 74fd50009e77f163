"""Containers that wait for jobs: taken once, told apart, adopted and swept like any other."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from flowforge.adapters.executors import lodging
from flowforge.adapters.executors.docker import DockerExecutor, free_memory, slot, warm_pool
from flowforge.adapters.executors.docker.engine import Engine
from flowforge.adapters.executors.docker.engine_socket import EngineSocket
from flowforge.adapters.executors.docker.policy import ContainerPolicy, Limits
from flowforge.adapters.executors.docker.slot import Recipe
from flowforge.adapters.executors.site import Site
from flowforge.errors import EngineUnavailable
from flowforge.model.attempt import AttemptKey
from flowforge.model.job_spec import Clone
from flowforge.model.source import Source
from flowforge.model.status import Status
from flowforge.testing.sources import FakeSources
from tests.contract.executors.lodge import KEY, ORIGIN, Lodge, Pail, Story, new_site, until
from tests.contract.executors.test_executor_adoption import Watcher, leftovers
from tests.images import image

pytestmark = pytest.mark.needs("docker", "busybox", "bash")
SOURCES = {ORIGIN: {"hello.txt": b"hello\n"}}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_pool, "QUIET", 0.05)
    monkeypatch.setattr(warm_pool, "NAMED_AFTER", 0.0)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Nothing that bears its name is left behind."""
    made = new_site(tmp_path)
    yield made
    assert leftovers(_lodge(made, DockerExecutor(made, FakeSources({})))) == []


def _lodge(site: Site, executor: DockerExecutor) -> Lodge:
    return Lodge(
        kind="docker", executor=executor, site=site, sources=FakeSources(SOURCES), image=image("bash")
    )


@asynccontextmanager
async def pooled(site: Site, sizes: Mapping[str, int] | None, **more: Any) -> AsyncIterator[Lodge]:
    async with DockerExecutor(site, FakeSources(SOURCES), pool=sizes, **more) as executor:
        lodge = _lodge(site, executor)
        await until(lambda: executor.waiting == sum((sizes or {}).values()))
        yield lodge


def containers(site: Site) -> dict[str, dict[str, Any]]:
    """By id."""
    label = f"label=flowforge.instance={site.instance}"
    listed = subprocess.run(
        ["docker", "ps", "-aq", "--filter", label], capture_output=True, text=True, check=True
    )
    ids = listed.stdout.split()
    shown = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=False)
    return {each["Id"]: each for each in json.loads(shown.stdout)} if ids else {}


async def test_a_job_gets_a_container_that_waited_and_the_next_job_another_one(site: Site) -> None:
    keys = [AttemptKey(run=1, job=number, number=1) for number in (1, 2)]
    async with pooled(site, {image("bash"): 1}) as lodge:
        seen = []
        for key in keys:
            executor: Any = lodge.executor
            await until(lambda: executor.waiting == 1)  # noqa: B023
            seen.append({id_ for id_, each in containers(site).items() if "-slot-" in each["Name"]})
            order = lodge.order(
                "cat hello.txt; pwd; echo kept > left; echo mine > /tmp/left; sleep 0.3", "test -e left; ls /tmp",
                source=Source(origin=ORIGIN, commit=""), clone=Clone.BEFORE_STEPS,
            )  # fmt: skip
            story = Story()
            async with asyncio.timeout(60), lodge.executor.open(key, order) as room:
                await room.begin({"TOKEN": "s3cret"})
                await until(lambda: f"/flowforge-{site.instance}-{key}" in names(site))  # noqa: B023
                await story.watch(room, order.steps)
            assert [ended.status for ended in story.exits] == [Status.SUCCESS] * 2
            assert story.outputs == [b"hello\n/workspace\n", b"left\n"]
        assert len(seen[0]) == 1
        assert not seen[0] & seen[1]


def names(site: Site) -> set[str]:
    return {each["Name"] for each in containers(site).values()}


async def test_a_waiting_container_is_the_one_that_a_job_would_get(site: Site) -> None:
    """But for whose it is: labels, folders, and what its supervisor waits for."""
    async with pooled(site, {image("bash"): 1}) as lodge:
        (waiting,) = containers(site).values()
        other = AttemptKey(run=9, job=9, number=1)
        cold: Any = DockerExecutor(site, FakeSources({}))
        order = lodge.order("sleep 60")
        async with cold.open(other, order) as room:
            await room.begin({})
            (made,) = [each for each in containers(site).values() if each["Id"] != waiting["Id"]]
        assert profile(made) == profile(waiting)
        assert set(waiting["Config"]["Labels"]) == {"flowforge.instance", "flowforge.slot"}


def profile(found: dict[str, Any]) -> dict[str, Any]:
    host = {name: value for name, value in found["HostConfig"].items() if name not in ("Mounts", "Binds")}
    mounts = sorted((each["Target"], each.get("ReadOnly", False)) for each in found["HostConfig"]["Mounts"])
    config = {
        name: value
        for name, value in found["Config"].items()
        if name not in ("Hostname", "Labels", "Entrypoint")
    }
    return {"host": host, "mounts": mounts, "config": config}


async def test_an_order_that_asks_for_something_else_gets_a_container_of_its_own(site: Site) -> None:
    async with pooled(site, {image("bash"): 1}) as lodge:
        executor: Any = lodge.executor
        executor._policy = ContainerPolicy(limits=Limits(pids=77))
        story = await lodge.run(
            lodge.order("cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null || true")
        )
        assert "77" in story.text


async def test_a_container_of_an_image_that_changed_is_not_taken(site: Site) -> None:
    name = f"flowforge-test/{site.instance}"
    with tagged("bash", name):
        async with pooled(site, {name: 1}) as lodge:
            tag("busybox", name)
            lodge.image = name
            story = await lodge.run(lodge.order("command -v bash || echo none"))
            assert story.text == "none\n"


@contextmanager
def tagged(kind: str, name: str) -> Iterator[None]:
    tag(kind, name)
    yield
    subprocess.run(["docker", "rmi", "-f", name], check=False, capture_output=True)


def tag(kind: str, name: str) -> None:
    subprocess.run(["docker", "tag", image(kind), name], check=True)


async def test_a_container_that_died_while_it_waited_harms_no_job(site: Site) -> None:
    async with pooled(site, {image("bash"): 1}) as lodge:
        (waiting,) = containers(site)
        await asyncio.to_thread(subprocess.run, ["docker", "kill", waiting], check=True, capture_output=True)
        assert (await lodge.run(lodge.order("echo fine"))).text == "fine\n"


async def test_by_itself_the_pool_holds_two_of_what_was_used(site: Site) -> None:
    async with pooled(site, None) as lodge:
        executor: Any = lodge.executor
        assert (await lodge.run(lodge.order("true"))).exits[0].status is Status.SUCCESS
        await until(lambda: executor.waiting == 2)


async def test_without_memory_to_spare_nothing_waits(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meminfo = tmp_path / "meminfo"
    monkeypatch.setattr(free_memory, "MEMINFO", meminfo)
    meminfo.write_text("MemTotal: 16000000 kB\nMemAvailable: 1500000 kB\n")
    assert not free_memory.enough()
    async with pooled(site, None) as lodge:
        await lodge.run(lodge.order("true"))
        meminfo.write_text("MemTotal: 16000000 kB\nMemAvailable: 1700000 kB\n")
        assert free_memory.enough()
    meminfo.write_text("nothing that is known")
    assert free_memory.enough()


async def test_an_engine_that_is_away_costs_jobs_nothing(tmp_path: Path) -> None:
    site = new_site(tmp_path)
    address = f"unix://{tmp_path}/none.sock"
    async with DockerExecutor(site, FakeSources({}), address=address, pool={"any": 3}) as executor:
        await asyncio.sleep(0)
        with pytest.raises(EngineUnavailable):
            async with executor.open(KEY, _lodge(site, executor).order("true")) as room:
                await room.begin({})
        assert executor.waiting == 0


async def test_a_sweep_spares_what_waits_and_the_next_life_removes_what_an_earlier_one_left(
    site: Site,
) -> None:
    async with pooled(site, {image("bash"): 2}) as lodge:
        assert await lodge.executor.sweep(()) == ()
        waiting = set(containers(site))
        assert len(waiting) == 2
        swept = await DockerExecutor(site, FakeSources({})).sweep(())
        assert len([name for name in swept if name.startswith("container ")]) == 2
        assert len([name for name in swept if name.startswith("slot ")]) == 2


@pytest.mark.parametrize("point", ["the workspace", "everything"])
async def test_a_life_that_ends_while_it_hands_over_is_made_good_by_the_next(site: Site, point: str) -> None:
    """With a begin, where nothing was begun; and where nobody asks again, by a sweep."""
    for again in (True, False):
        earlier: Any = DockerExecutor(site, FakeSources(SOURCES))
        made = await earlier._pool._maker.make(await earlier._recipe(image("bash")))
        lodging.make(site, KEY)
        if point == "everything":
            slot.hand_over(site, KEY, made)
        else:
            record = json.dumps({"slot": made.id, "container": made.container})
            slot.slot_record(site, KEY).write_text(record)
            slot.workspace(site, made.id).rename(site.workspace(KEY))
        async with pooled(site, {image("bash"): 1}) as lodge:
            await lodge.executor.sweep((KEY,))
            assert made.container in containers(site)
            if again:
                assert (await lodge.run(lodge.order("echo once >> count; cat count"))).text == "once\n"
            await lodge.executor.sweep(())
            assert made.container not in containers(site)


async def test_a_room_whose_container_waits_for_its_word_is_resumed(site: Site) -> None:
    """The plan was written, and the watcher died before it gave the word."""
    async with pooled(site, {image("bash"): 1}) as lodge:
        (waiting,) = containers(site)
        order = lodge.order("echo once >> count; cat count")
        with pytest.raises(asyncio.CancelledError):  # noqa: PT012
            async with lodge.executor.open(KEY, order) as room:
                entrance: Any = room
                _, settle = await entrance._make({"TOKEN": "x"})
                settle()
                raise asyncio.CancelledError
    async with pooled(site, {}) as lodge, asyncio.timeout(30):
        assert await lodge.executor.sweep((KEY,)) == ()
        assert waiting in containers(site)
        async with lodge.executor.open(KEY, order) as room:
            assert await room.resume() == {"TOKEN": "x"}
            pail = Pail()
            assert (await room.run(order.steps[0], pail)).status is Status.SUCCESS
            assert pail.data == b"once\n"


@pytest.mark.parametrize("delay", [0.005, 0.04])
async def test_a_watcher_with_a_pool_may_be_killed_at_any_moment(
    site: Site, tmp_path: Path, delay: float
) -> None:
    async with pooled(site, {}) as lodge:
        scripts = ("echo begun >> count; cat count", "sleep 0.05; cat count hello.txt")
        watcher = Watcher(lodge, tmp_path / "store", *scripts, warm=True)
        with watcher.alive() as process, suppress(subprocess.TimeoutExpired):
            await until((tmp_path / "store" / "waiting").exists)
            await asyncio.to_thread(process.wait, delay or 0.001)
        later = Watcher(lodge, tmp_path / "store", *scripts)
        if not later.ended(1):
            await later.finish()
        assert [later.stored(step) for step in (0, 1)] == [b"begun\n", b"begun\nhello\n"]
        await lodge.executor.sweep(())


async def test_a_stop_that_comes_first_leaves_nothing_begun(site: Site) -> None:
    async with pooled(site, {image("bash"): 1}) as lodge:
        order = lodge.order("echo never")
        async with asyncio.timeout(30), lodge.executor.open(KEY, order) as room, asyncio.TaskGroup() as group:
            beginning = group.create_task(room.begin({}))
            await asyncio.sleep(0)
            await room.stop("never mind")
            await beginning
            assert (await room.run(order.steps[0], Pail())).status is Status.CANCELLED


def test_likeness_is_what_a_container_is_and_not_whose() -> None:
    def recipe(id_: str = "a", pids: int = 1, source: str = "/x", label: str = "x") -> Recipe:
        mounts = [{"Target": "/workspace", "Source": source}, {"Target": "/cache", "Source": "/cache"}]
        spec = {
            "Labels": {"l": label},
            "Entrypoint": [label],
            "HostConfig": {"PidsLimit": pids, "Mounts": mounts},
        }
        return Recipe(image_id=id_, spec=spec)

    assert recipe().likeness == recipe(source="/y", label="y").likeness
    assert recipe().likeness != recipe(pids=2).likeness
    assert recipe().likeness != recipe(id_="b").likeness


async def test_an_engine_that_cannot_start_what_should_wait_leaves_nothing(site: Site) -> None:
    executor: Any = DockerExecutor(site, FakeSources({}))
    recipe = await executor._recipe(image("bash"))
    host = {**recipe.spec["HostConfig"], "Memory": 1}
    with pytest.raises(EngineUnavailable):
        await executor._pool._maker.make(Recipe(image_id="x", spec={**recipe.spec, "HostConfig": host}))
    assert await Engine(EngineSocket()).state(slot.name(site, "x")) is None
