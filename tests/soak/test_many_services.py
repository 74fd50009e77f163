"""More jobs with services at once than an engine's own pool of addresses has networks for."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from flowforge.adapters.executors.docker import DockerExecutor
from flowforge.model.attempt import AttemptKey
from flowforge.model.service_spec import ServiceSpec
from flowforge.testing.sources import FakeSources
from tests.contract.executors.lodge import Lodge, Story, new_site
from tests.images import image

JOBS, JOBS_LONG = 3, 40
GREET = ("busybox", "nc", "-ll", "-p", "5432", "-e", "echo", "hello")


@pytest.mark.needs("docker", "busybox")
async def test_jobs_with_services_do_not_run_out_of_networks(tmp_path: Path, long_form: bool) -> None:
    """All of them stand before the first one ends."""
    site, sources, count = new_site(tmp_path / "site"), FakeSources({}), JOBS_LONG if long_form else JOBS
    begun = asyncio.Barrier(count)
    async with DockerExecutor(site, sources) as executor:
        lodge = Lodge(kind="docker", executor=executor, site=site, sources=sources, image=image("busybox"))
        service = ServiceSpec(
            names=("db",), image=image("busybox"), command=GREET, ports=(5432,), deadline=300.0
        )
        order = replace(lodge.order("busybox nc -w 5 db 5432 </dev/null"), services=(service,))

        async def one(number: int) -> str:
            async with executor.open(AttemptKey(run=number, job=1, number=1), order) as room:
                await room.begin({})
                await begun.wait()
                return (await Story().watch(room, order.steps)).text

        async with asyncio.timeout(600), asyncio.TaskGroup() as group:
            jobs = [group.create_task(one(number)) for number in range(1, count + 1)]
        assert [job.result() for job in jobs] == ["hello\n"] * count
