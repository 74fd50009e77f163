"""Containers beside a job's own: reachable, waited for, told about when they fail, and gone with the job."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from flowforge.adapters.executors.docker import DockerExecutor, network
from flowforge.adapters.executors.docker.engine import Engine
from flowforge.adapters.executors.docker.engine_socket import EngineSocket
from flowforge.adapters.executors.docker.network import Outside
from flowforge.errors import BadInput, EngineUnavailable, ServiceUnavailable
from flowforge.model.order import JobOrder
from flowforge.model.resources import Network
from flowforge.model.service_spec import HealthCheck, ServiceReach, ServiceSpec
from flowforge.model.status import Status
from tests.contract.executors.conftest import DOCKER, PODMAN
from tests.contract.executors.lodge import KEY, Lodge, Story
from tests.images import image

KINDS = [DOCKER]
both = pytest.mark.parametrize("lodge", [DOCKER, PODMAN], indirect=True)

GREET = "sleep 0.3; exec busybox nc -ll -p 5432 -e echo hello"


def greeter(lodge: Lodge, *names: str) -> ServiceSpec:
    command = ("sh", "-c", GREET)
    return ServiceSpec(names=names, image=image("busybox", lodge.engine), command=command, ports=(5432,))


def asker(lodge: Lodge, host: str) -> ServiceSpec:
    """Ready once it was greeted."""
    greeted = f"busybox nc -w 2 {host} 5432 </dev/null | grep hello"
    return ServiceSpec(
        names=("asker",),
        image=image("busybox", lodge.engine),
        command=("sh", "-c", "busybox httpd -f -p 80"),
        health=HealthCheck(command=("sh", "-c", greeted), interval=0.2, timeout=5.0),
    )


def served(lodge: Lodge, script: str, *services: ServiceSpec) -> JobOrder:
    lodge.image = image("busybox", lodge.engine)
    return replace(lodge.order(script), services=services)


async def left(lodge: Lodge) -> list[str]:
    """What the engine still has of this instance."""
    engine = Engine(EngineSocket(f"unix://{lodge.engine}"))
    label = {"flowforge.instance": lodge.site.instance}
    containers = [found["Names"][0].lstrip("/") for found in await engine.labelled("containers", label)]
    networks = [found["Name"] for found in await engine.labelled("networks", label)]
    return sorted(containers + networks)


async def gone(lodge: Lodge) -> None:
    """A room goes behind the back of whoever left it."""
    async with asyncio.timeout(30):
        while await left(lodge):
            await asyncio.sleep(0.05)


@both
async def test_services_are_found_by_their_names_from_the_job_and_from_each_other(lodge: Lodge) -> None:
    script = "for name in db database; do busybox nc -w 2 $name 5432 </dev/null; done; busybox nc -w 2 asker 80 </dev/null"
    story = await lodge.run(served(lodge, script, greeter(lodge, "db", "database"), asker(lodge, "db")))
    assert (story.exits[0].status, story.text) == (Status.SUCCESS, "hello\nhello\n")


@both
async def test_services_on_localhost_share_the_jobs_network(lodge: Lodge) -> None:
    order = served(
        lodge,
        "busybox nc -w 2 127.0.0.1 5432 </dev/null; busybox nc -w 2 db 5432 </dev/null; grep -w db /etc/hosts",
        greeter(lodge, "db"),
        asker(lodge, "localhost"),
    )
    story = await lodge.run(replace(order, reach=ServiceReach.LOCALHOST))
    assert story.outputs[0].split() == [b"hello", b"hello", b"127.0.0.1", b"db"]
    await gone(lodge)


@pytest.mark.parametrize("reach", list(ServiceReach))
async def test_a_job_without_a_network_has_its_services_and_nothing_else(
    lodge: Lodge, reach: ServiceReach
) -> None:
    script = "busybox nc -w 2 db 5432 </dev/null; busybox ip route | grep default | cut -d ' ' -f 3"
    order = replace(served(lodge, script, greeter(lodge, "db")), network=Network.NONE, reach=reach)
    story = await lodge.run(order)
    said, *gateway = story.text.split()
    assert said == "hello"
    for address in gateway:
        attempt = f"busybox nc -w 1 {address} 22 </dev/null 2>&1 || echo nobody"
        story = await lodge.run(replace(order, steps=lodge.order(attempt).steps))
        assert "nobody" in story.text


async def test_a_job_may_have_no_network_at_all(lodge: Lodge) -> None:
    story = await lodge.run(replace(served(lodge, "ls /sys/class/net"), network=Network.NONE))
    assert story.text == "lo\n"


async def test_the_health_check_of_an_image_is_waited_for(lodge: Lodge) -> None:
    checked = ServiceSpec(names=("checked",), image=image("checked", lodge.engine))
    story = await lodge.run(served(lodge, "echo begun", checked))
    assert story.text == "begun\n"


async def test_the_port_that_an_image_exposes_is_waited_for(lodge: Lodge) -> None:
    web = ServiceSpec(names=("web",), image=image("web"))
    story = await lodge.run(served(lodge, "busybox wget -q -O - http://web:8080/ 2>&1 | head -1; true", web))
    assert "404" in story.text


async def test_a_service_that_listens_on_its_own_loopback_alone_is_not_ready_for_others(lodge: Lodge) -> None:
    inward = replace(
        greeter(lodge, "db"),
        command=("busybox", "httpd", "-f", "-p", "127.0.0.1:5432"),
        deadline=1.5,
    )
    with pytest.raises(ServiceUnavailable, match=r"it listens on none of its ports \(5432\)"):
        await lodge.run(served(lodge, "true", inward))


async def test_a_service_that_ends_is_told_with_its_last_lines(lodge: Lodge) -> None:
    broken = replace(greeter(lodge, "db"), command=("sh", "-c", "echo no disk; echo no hope >&2; exit 3"))
    told = (
        r"^the service db \(flowforge-test/busybox\) ended with code 3 before it was ready; it printed last: "
    )
    with pytest.raises(BadInput, match=told) as caught:
        await lodge.run(served(lodge, "true", broken, asker(lodge, "db")))
    assert "no disk" in caught.value.message
    assert "no hope" in caught.value.message
    await gone(lodge)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: replace(s, command=("nosuch",)), "the service db .* cannot be started: .*nosuch"),
        (lambda s: replace(s, user="nobody-here"), "the service db .* cannot be started: .*nobody-here"),
        (lambda s: replace(s, image="No Such Thing!"), "cannot be pulled"),
        (lambda s: replace(s, names=("a b",)), "'a b' cannot be the name of a service"),
        (lambda s: replace(s, names=("db", "DB")), "two services of the job are called DB"),
    ],
)
async def test_what_cannot_be_a_service_is_the_authors_to_mend(
    lodge: Lodge, change: Callable[[ServiceSpec], ServiceSpec], told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        await lodge.run(served(lodge, "true", change(greeter(lodge, "db"))))


async def test_a_service_that_is_not_ready_in_time_is_told_and_removed(lodge: Lodge) -> None:
    check = HealthCheck(command=("sh", "-c", "exit 1"), interval=0.1)
    slow = replace(greeter(lodge, "db"), health=check, deadline=0.8)
    with pytest.raises(ServiceUnavailable) as caught:
        await lodge.run(served(lodge, "true", slow))
    assert caught.value.message == (
        "the service db (flowforge-test/busybox) was not ready within 0.8 s: its health check `sh -c exit 1` did not "
        "succeed; it printed nothing"
    )
    await gone(lodge)


async def test_services_live_on_with_a_job_that_nobody_watches_and_end_with_it(lodge: Lodge) -> None:
    order = served(lodge, "sleep 0.5; busybox nc -w 2 db 5432 </dev/null", greeter(lodge, "db"))

    async def lose_watcher() -> None:
        async with lodge.executor.open(KEY, order) as room:
            await room.begin({})
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await lose_watcher()
    name = f"flowforge-{lodge.site.instance}-{KEY}"
    assert await left(lodge) == [name, f"{name}-network", f"{name}-service-0"]
    async with DockerExecutor(lodge.site, lodge.sources) as again:
        assert list(await again.sweep({KEY})) == []
        async with asyncio.timeout(30), again.open(KEY, order) as room:
            await room.resume()
            story = await Story().watch(room, order.steps)
    assert story.text == "hello\n"
    await gone(lodge)


async def test_a_sweep_removes_what_a_killed_making_left(lodge: Lodge) -> None:
    order = served(lodge, "true", replace(greeter(lodge, "db"), ports=(77,)))

    async def begin_and_die() -> None:
        async with lodge.executor.open(KEY, order) as room:
            await room.begin({})

    dying = asyncio.ensure_future(begin_and_die())
    async with asyncio.timeout(60):
        while len(await left(lodge)) < 2:
            await asyncio.sleep(0.05)
    dying.cancel()
    with suppress(asyncio.CancelledError):
        await dying
    assert await left(lodge) != []
    await lodge.executor.sweep(())
    assert await left(lodge) == []


async def test_networks_are_cut_from_a_range_that_says_when_it_is_used_up(lodge: Lodge) -> None:
    engine, pool = Engine(EngineSocket()), IPv4Network("10.214.77.0/26")
    names = [f"{lodge.site.instance}-{number}" for number in range(3)]
    label = {"flowforge.instance": lodge.site.instance}
    for name in names[:2]:
        await network.make(engine, name, label, pool, Outside.OPEN)
    with pytest.raises(EngineUnavailable, match="set FLOWFORGE_JOB_SUBNETS to a larger range"):
        await network.make(engine, names[2], label, pool, Outside.OPEN)
    await network.make(engine, names[0], label, pool, Outside.OPEN)
    assert await left(lodge) == names[:2]
