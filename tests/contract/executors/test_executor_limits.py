"""What a job may use of its machine: asked for, in force before the first step, and named when it was not enough."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from flowforge.adapters.executors.docker import profile as docker_profile
from flowforge.errors import BadInput
from flowforge.model.resources import Network, Resources
from flowforge.model.service_spec import ServiceSpec
from flowforge.model.status import Cause, Status
from tests.contract.executors.conftest import DOCKER, PODMAN, PROCESS
from tests.contract.executors.lodge import Lodge, When, script

KINDS = [DOCKER]
both = pytest.mark.parametrize("lodge", [DOCKER, PODMAN], indirect=True)

SHOW = (
    "root=/sys/fs/cgroup; cat $root/memory.max $root/memory/memory.limit_in_bytes $root/pids.max $root/pids/pids.max "
    "2>/dev/null || true; df -k /dev/shm | tail -1 | tr -s ' ' | cut -d ' ' -f 2"
)
EAT = "tail -c 200000000 /dev/zero"


@both
async def test_limits_that_a_job_asks_for_are_in_force(lodge: Lodge) -> None:
    order = lodge.order(SHOW)
    asked = Resources(cpus=0.5, memory=64 << 20, pids=70, shm=8 << 20)
    story = await lodge.run(replace(order, resources=asked))
    assert story.text.split() == [str(64 << 20), "70", str(8 << 10)]


async def test_more_processors_than_there_are_means_all_of_them(lodge: Lodge) -> None:
    story = await lodge.run(replace(lodge.order("echo fine"), resources=Resources(cpus=4096.0)))
    assert story.text == "fine\n"


@pytest.mark.parametrize(
    ("limit", "left_out"), [("memory", "Memory MemorySwap"), ("pids", "PidsLimit"), ("cpus", "NanoCpus")]
)
async def test_nothing_runs_where_an_engine_does_not_keep_a_limit(
    lodge: Lodge, monkeypatch: pytest.MonkeyPatch, limit: str, left_out: str
) -> None:
    """As rootless Podman does on cgroup v1: it takes the limit and forgets it."""
    kept = docker_profile._bounds

    def forgetful(limits: Any) -> dict[str, Any]:
        bounds = kept(limits)
        return {name: value for name, value in bounds.items() if name not in left_out.split()}

    monkeypatch.setattr(docker_profile, "_bounds", forgetful)
    order = lodge.order("echo first", script(1, "echo second", when=When.ALWAYS))
    story = await lodge.run(replace(order, resources=Resources(memory=64 << 20, pids=70, cpus=0.5)))
    first, second = story.exits
    assert (first.status, first.cause, story.text) == (Status.FAILURE, Cause.INFRASTRUCTURE, "")
    assert first.reason.startswith(
        f"the container engine does not keep the job's limit of {limit}, so nothing was run"
    )
    assert f"FLOWFORGE_JOB_{limit.upper()}=0" in first.reason
    assert second.status is Status.SKIPPED


@both
async def test_a_child_that_outgrew_the_memory_is_why_its_step_failed(lodge: Lodge) -> None:
    order = lodge.order(f"{EAT} | cat > /dev/null || exit 7")
    story = await lodge.run(replace(order, resources=Resources(memory=48 << 20)))
    ended = story.exits[0]
    assert (ended.status, ended.cause, ended.code) == (Status.FAILURE, Cause.OOM, 7)
    assert ended.reason == 'step "step 0" was killed: out of memory: the job\'s limit of 48 MB'


@pytest.mark.parametrize(
    ("resources", "told"),
    [
        (Resources(memory=1 << 20), "at least 6 MB of memory, not 1 MB"),
        (Resources(cpus=0.001), "at least 0.01 CPUs"),
        (Resources(pids=0), "cannot do with 0 of pids"),
        (Resources(shm=-1), "cannot do with -1 of shm"),
    ],
)
async def test_less_than_a_container_needs_is_the_authors_to_mend(
    lodge: Lodge, resources: Resources, told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        await lodge.run(replace(lodge.order("true"), resources=resources))


async def test_a_step_that_forks_without_end_is_bounded_and_ended(lodge: Lodge) -> None:
    bomb = script(0, "bomb() { bomb | bomb & }; bomb; while true; do sleep 1; done", timeout=1.0)
    order = replace(
        lodge.order(bomb, script(1, "echo still here", when=When.ALWAYS)), resources=Resources(pids=50)
    )
    story = await lodge.run(order)
    assert (story.exits[0].status, story.exits[0].cause) == (Status.FAILURE, Cause.TIMEOUT)
    assert story.outputs[1] == b"still here\n"


@pytest.mark.parametrize("lodge", [PROCESS, DOCKER], indirect=True)
async def test_a_step_that_ignores_term_is_killed_after_the_grace(lodge: Lodge) -> None:
    deaf = script(0, "trap '' TERM; echo deaf; while true; do sleep 0.1; done", timeout=0.5)
    async with asyncio.timeout(30):
        story = await lodge.run(lodge.order(deaf))
    assert (story.exits[0].cause, story.exits[0].code) == (Cause.TIMEOUT, 137)
    assert story.text == "deaf\n"


@pytest.mark.parametrize("lodge", [PROCESS], indirect=True)
async def test_what_only_a_container_can_give_is_refused_without_one(lodge: Lodge) -> None:
    asked = {
        "services": {"services": (ServiceSpec(names=("db",), image="postgres"),)},
        "a grant": {"grant": "more"},
        "no network": {"network": Network.NONE},
    }
    for words, change in asked.items():
        with pytest.raises(
            BadInput, match=f"the job asks for {words}, which only a container engine can give"
        ):
            await lodge.run(replace(lodge.order("true"), **change))  # type: ignore[arg-type]
