"""Images as people have them: without bash, without root, without a shell, or not there at all."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from flowforge.adapters.executors.docker import DockerExecutor
from flowforge.adapters.executors.docker.policy import ContainerPolicy, Limits
from flowforge.adapters.executors.docker.profile import CAPABILITIES
from flowforge.errors import BadInput, EngineUnavailable
from flowforge.model.status import Cause, Status
from flowforge.testing.sources import FakeSources
from tests.contract.executors.conftest import DOCKER
from tests.contract.executors.lodge import KEY, Lodge, Pail, new_site, script
from tests.images import image

KINDS = [DOCKER]
WHO = "echo $(id -u) $(id -g) $(id -G); echo $HOME; touch mine && ls -l mine > /dev/null"


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True, timeout=60).stdout


async def test_bash_is_used_where_the_image_has_it(lodge: Lodge) -> None:
    story = await lodge.run(
        lodge.order("echo ${BASH_VERSION:+bash} $FROM_IMAGE; set -o | grep pipefail; false | true")
    )
    assert story.outputs == [b"bash yes\npipefail       \ton\n"]
    assert story.exits[0].code == 1


async def test_a_busybox_shell_has_pipefail_too(lodge: Lodge) -> None:
    lodge.image = image("busybox", lodge.engine)
    story = await lodge.run(lodge.order("echo ${BASH_VERSION:-none}; false | true; echo never"))
    assert story.outputs == [b"none\n"]
    assert story.exits[0].code == 1


async def test_a_shell_without_pipefail_does_without_it(lodge: Lodge) -> None:
    lodge.image = image("dash", lodge.engine)
    story = await lodge.run(lodge.order("false | true; echo still; false; echo never"))
    assert story.outputs == [b"still\n"]
    assert story.exits[0].code == 1


async def test_steps_run_as_the_user_that_the_image_names(lodge: Lodge) -> None:
    lodge.image = image("user-name", lodge.engine)
    story = await lodge.run(lodge.order(WHO))
    assert story.outputs == [b"1234 1235 1235 1300\n/home/app\n"]
    assert story.exits[0].status is Status.SUCCESS


async def test_steps_run_as_the_number_that_the_image_names(lodge: Lodge) -> None:
    lodge.image = image("user-number", lodge.engine)
    story = await lodge.run(lodge.order(WHO))
    assert story.outputs == [b"4321 4322 4322\n/\n"]
    assert story.exits[0].status is Status.SUCCESS


async def test_a_user_that_the_image_lacks_is_named(lodge: Lodge) -> None:
    lodge.image = image("user-unknown", lodge.engine)
    story = await lodge.run(lodge.order("true"))
    assert story.exits[0].cause is Cause.CONFIG
    expected = "the image flowforge-test/user-unknown names a user that it does not have: nobody-here"
    assert story.exits[0].reason == expected


async def test_an_image_without_a_shell_is_a_named_error(lodge: Lodge) -> None:
    lodge.image = image("no-shell", lodge.engine)
    story = await lodge.run(lodge.order("true"))
    assert (story.exits[0].status, story.exits[0].cause) == (Status.FAILURE, Cause.CONFIG)
    assert "flowforge-test/no-shell has no shell" in story.exits[0].reason


async def test_an_image_without_a_shell_can_run_what_shell_names(lodge: Lodge) -> None:
    lodge.image = image("no-shell", lodge.engine)
    story = await lodge.run(lodge.order(script(0, "ignored", shell=("/bin/true",))))
    assert story.exits[0].status is Status.SUCCESS


async def test_a_program_that_shell_names_and_the_image_lacks_is_a_named_error(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order(script(0, "true", shell=("python9", "-u"))))
    assert story.exits[0].cause is Cause.CONFIG
    assert (
        story.exits[0].reason == "the image flowforge-test/bash has no program python9, which `shell` names"
    )


async def test_a_root_that_cannot_be_written_to(lodge: Lodge, tmp_path: Path) -> None:
    site = new_site(tmp_path / "strict")
    async with DockerExecutor(
        site, FakeSources({}), policy=ContainerPolicy(limits=Limits(read_only=True))
    ) as executor:
        order = lodge.order("touch /etc/x 2>/dev/null && exit 1; touch /tmp/y; touch z; echo fine")
        async with asyncio.timeout(30), executor.open(KEY, order) as room:
            await room.begin({})
            pail = Pail()
            ended = await room.run(order.steps[0], pail)
    assert (ended.code, pail.data) == (0, b"fine\n")


async def test_an_image_that_is_not_there_is_named(lodge: Lodge) -> None:
    lodge.image = "flowforge-test.invalid/none:1"
    with pytest.raises(
        (EngineUnavailable, BadInput),
        match=r"flowforge-test\.invalid/none:1 is not here and cannot be pulled",
    ):
        async with lodge.executor.open(KEY, lodge.order("true")) as room:
            await room.begin({})


async def test_a_name_that_is_no_image_is_bad_input(lodge: Lodge) -> None:
    lodge.image = "No Such Thing!"
    with pytest.raises(BadInput):
        async with lodge.executor.open(KEY, lodge.order("true")) as room:
            await room.begin({})


async def test_a_job_without_an_image_is_bad_input(lodge: Lodge) -> None:
    lodge.image = None
    with pytest.raises(BadInput, match="needs an image"):
        async with lodge.executor.open(KEY, lodge.order("true")) as room:
            await room.begin({})


async def test_a_job_that_outgrows_its_memory_is_told_so(lodge: Lodge, tmp_path: Path) -> None:
    site = new_site(tmp_path / "small")
    async with DockerExecutor(
        site, FakeSources({}), policy=ContainerPolicy(limits=Limits(memory=32 << 20))
    ) as executor:
        order = lodge.order("echo begin; exec tail -c 200000000 /dev/zero")
        async with asyncio.timeout(60), executor.open(KEY, order) as room:
            await room.begin({})
            ended = await room.run(order.steps[0], Pail())
    assert (ended.cause, ended.code) == (Cause.OOM, 137)
    assert ended.reason == 'step "step 0" was killed: out of memory: the job\'s limit of 32 MB'


async def test_a_container_has_the_profile_and_the_names_it_should(lodge: Lodge) -> None:
    order = lodge.order("sleep 60")
    name = f"flowforge-{lodge.site.instance}-{KEY}"
    async with asyncio.timeout(30), lodge.executor.open(KEY, order) as room:
        await room.begin({"TOKEN": "s3cret"})
        text = docker("inspect", name)
        found = json.loads(text)[0]
    host = found["HostConfig"]
    assert "s3cret" not in text
    assert sorted(host["CapAdd"]) == sorted(CAPABILITIES)
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["PidsLimit"] == 1024
    assert host["Privileged"] is False
    assert (host["PidMode"], host["NetworkMode"], host["UTSMode"], host["UsernsMode"]) == (
        "",
        "default",
        "",
        "",
    )
    assert host["IpcMode"] in ("private", "shareable")
    assert host["LogConfig"]["Type"] == "none"
    assert sorted(mount["Destination"] for mount in found["Mounts"]) == [
        "/.flowforge/private/control", "/.flowforge/private/supervisor", "/workspace",
    ]  # fmt: skip
    assert {k: v for k, v in found["Config"]["Labels"].items() if k.startswith("flowforge.")} == {
        "flowforge.instance": lodge.site.instance, "flowforge.run": "7", "flowforge.job": "3", "flowforge.attempt": "1",
    }  # fmt: skip


async def test_steps_gain_no_privilege(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order("grep -E '^(NoNewPrivs|CapEff|Seccomp):' /proc/self/status"))
    fields = dict(line.split(":\t") for line in story.text.splitlines())
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    assert int(fields["CapEff"], 16) == 0b11101011  # chown dac_override fowner kill setgid setuid


async def test_a_sweep_takes_networks_and_volumes_of_its_own_instance_along(lodge: Lodge) -> None:
    ours, other = lodge.site.instance, f"{lodge.site.instance}-other"
    for instance in (ours, other):
        for noun in ("network", "volume"):
            named = {"instance": instance, "run": KEY.run, "job": KEY.job, "attempt": KEY.number}
            labels = [f"--label=flowforge.{name}={value}" for name, value in named.items()]
            docker(noun, "create", *labels, f"{instance}-{noun}")
    try:
        assert list(await lodge.executor.sweep({KEY})) == []
        assert list(await lodge.executor.sweep(())) == [f"network {ours}-network", f"volume {ours}-volume"]
        assert f"{other}-network" in docker("network", "ls")
        assert f"{other}-volume" in docker("volume", "ls")
    finally:
        docker("network", "rm", f"{other}-network")
        docker("volume", "rm", f"{other}-volume")
