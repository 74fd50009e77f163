"""What the engine itself says that a job's containers may do: exactly the profile, and more only by an admin's grant."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from flowforge.adapters.executors.docker import DockerExecutor, images
from flowforge.adapters.executors.docker.engine import Engine
from flowforge.adapters.executors.docker.engine_socket import EngineSocket
from flowforge.adapters.executors.docker.policy import ContainerPolicy
from flowforge.errors import BadInput
from flowforge.model.grant import Grant
from flowforge.model.order import JobOrder
from flowforge.model.service_spec import ServiceReach, ServiceSpec
from tests.contract.executors.conftest import DOCKER
from tests.contract.executors.lodge import KEY, Lodge, Story
from tests.images import image

KINDS = [DOCKER]

# As they name the test's folders, or differ between engines without letting a job do more.
ELSEWHERE = (
    "Mounts",
    "MaskedPaths",
    "ReadonlyPaths",
    "NetworkMode",
    "CgroupnsMode",
    "Runtime",
    "LogConfig",
    "Tmpfs",
)
PROFILE = {
    "CapAdd": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"],
    "CapDrop": ["ALL"],
    "IpcMode": "private",
    "PidsLimit": 1024,
    "SecurityOpt": ["no-new-privileges"],
    "ShmSize": 64 << 20,
    "Sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},
    "ConsoleSize": [0, 0],
    "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
}
# What an engine hides of the machine unless it is told not to.
HIDDEN = {"/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"}


def inspected(name: str) -> dict[str, Any]:
    text = subprocess.run(
        ["docker", "inspect", name], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    return dict(json.loads(text)[0])


def permitted(host: Mapping[str, Any]) -> dict[str, Any]:
    """Whatever is said of a container beyond nothing."""
    return {name: value for name, value in host.items() if value and name not in ELSEWHERE}


@asynccontextmanager
async def at_work(lodge: Lodge, order: JobOrder, policy: ContainerPolicy | None = None) -> AsyncIterator[str]:
    """The name that all of a running job's containers begin with."""
    executor = DockerExecutor(lodge.site, lodge.sources, policy=policy)
    async with asyncio.timeout(60), executor, executor.open(KEY, order) as room:
        await room.begin({})
        yield f"flowforge-{lodge.site.instance}-{KEY}"


def served(lodge: Lodge) -> JobOrder:
    web = ServiceSpec(names=("web",), image=image("web"))
    return replace(lodge.order("sleep 60"), services=(web,))


async def test_a_job_and_its_service_have_the_profile_and_nothing_else(lodge: Lodge) -> None:
    async with at_work(lodge, served(lodge)) as name:
        job, service = inspected(name), inspected(f"{name}-service-0")
    for found in (job, service):
        assert permitted(found["HostConfig"]) == PROFILE
        assert set(found["HostConfig"]["MaskedPaths"]) >= HIDDEN
        assert found["HostConfig"]["NetworkMode"] == f"{name}-network"
        assert found["Config"]["Labels"]["flowforge.instance"] == lodge.site.instance
    mounts = {mount["Target"]: mount.get("ReadOnly", False) for mount in job["HostConfig"]["Mounts"]}
    assert mounts == {
        "/.flowforge/private/control": False, "/.flowforge/private/supervisor": True, "/workspace": False,
    }  # fmt: skip
    assert [m["Target"] for m in service["HostConfig"]["Mounts"] if m["ReadOnly"]] == ["/dev/flowforge"]
    assert len(service["HostConfig"]["Mounts"]) == 1


async def test_the_keeper_of_a_shared_network_may_do_nothing_at_all(lodge: Lodge) -> None:
    order = replace(served(lodge), reach=ServiceReach.LOCALHOST)
    async with at_work(lodge, order) as name:
        keeper, service = inspected(f"{name}-network"), inspected(f"{name}-service-0")
    expected = {**PROFILE, "PidsLimit": 16, "ExtraHosts": ["web:127.0.0.1"]}
    assert permitted(keeper["HostConfig"]) == {k: v for k, v in expected.items() if k != "CapAdd"}
    assert keeper["Config"]["User"] == "65534:65534"
    assert permitted(service["HostConfig"]) == {k: v for k, v in PROFILE.items() if k != "Sysctls"}
    assert service["HostConfig"]["NetworkMode"] == f"container:{keeper['Id']}"


async def digest(reference: str) -> str:
    return (await images.ensure(Engine(EngineSocket()), reference)).id


async def granting(reference: str, **allowed: Any) -> ContainerPolicy:
    return ContainerPolicy(grants=(Grant(name="more", images=(await digest(reference),), **allowed),))


async def test_a_grant_reaches_the_image_that_it_names_and_no_other_container(lodge: Lodge) -> None:
    policy = await granting(
        image("web"), capabilities=("NET_RAW",), devices=("/dev/null",), new_privileges=True
    )
    async with at_work(lodge, replace(served(lodge), grant="more"), policy) as name:
        job, service = inspected(name), inspected(f"{name}-service-0")
    assert permitted(job["HostConfig"]) == PROFILE
    host = service["HostConfig"]
    assert host["CapAdd"] == [*PROFILE["CapAdd"][:4], "NET_RAW", *PROFILE["CapAdd"][4:]]
    assert host["Devices"] == [
        {"PathOnHost": "/dev/null", "PathInContainer": "/dev/null", "CgroupPermissions": "rwm"}
    ]
    assert not host["SecurityOpt"]
    assert service["Config"]["Image"] == await digest(image("web"))


async def test_a_grant_is_nothing_to_a_job_that_does_not_ask_for_it(lodge: Lodge) -> None:
    policy = await granting(image("web"), privileged=True)
    async with at_work(lodge, served(lodge), policy) as name:
        assert permitted(inspected(f"{name}-service-0")["HostConfig"]) == PROFILE


async def test_the_engine_itself_is_given_by_a_grant_alone(lodge: Lodge) -> None:
    policy = await granting(str(lodge.image), engine_socket=True)
    async with at_work(lodge, replace(lodge.order("sleep 60"), grant="more"), policy) as name:
        mounts = inspected(name)["HostConfig"]["Mounts"]
    assert {"Type": "bind", "Source": "/var/run/docker.sock", "Target": "/var/run/docker.sock"} in mounts


async def test_an_image_that_only_looks_like_the_granted_one_is_refused(lodge: Lodge) -> None:
    """Another content under the very name that the grant was made for."""
    policy, alike = await granting(image("web"), privileged=True), f"flowforge-test/web:{lodge.site.instance}"
    subprocess.run(["docker", "tag", image("busybox"), alike], check=True, timeout=60)
    try:
        order = replace(
            lodge.order("true"), services=(ServiceSpec(names=("web",), image=alike),), grant="more"
        )
        with pytest.raises(BadInput, match='the grant "more" is refused: it is for other images') as caught:
            async with at_work(lodge, order, policy):
                pass
    finally:
        subprocess.run(["docker", "rmi", alike], check=True, timeout=60, capture_output=True)
    assert caught.value.field == "grant"
    assert await digest(image("busybox")) in caught.value.message


async def test_steps_of_a_granted_image_have_what_it_was_given(lodge: Lodge) -> None:
    policy = await granting(str(lodge.image), capabilities=("NET_RAW",))
    order = replace(lodge.order("grep CapEff /proc/self/status"), grant="more")
    executor = DockerExecutor(lodge.site, lodge.sources, policy=policy)
    async with asyncio.timeout(60), executor, executor.open(KEY, order) as room:
        await room.begin({})
        story = await Story().watch(room, order.steps)
    assert int(story.text.split()[1], 16) == 0b11101011 | 1 << 13
