import pytest

from flowforge.adapters.executors.docker.grants import granted
from flowforge.adapters.executors.docker.images import ImageFacts
from flowforge.adapters.executors.docker.policy import Limits
from flowforge.adapters.executors.docker.profile import profile
from flowforge.errors import BadInput
from flowforge.model.grant import Grant
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.service_spec import ServiceSpec
from flowforge.model.source import Source
from flowforge.model.step_spec import Script

TRUE, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
GRANT = Grant(name="dind", images=(TRUE,), privileged=True)
FACTS = {
    "docker:dind": ImageFacts(user="0", env={}, architecture="amd64", id=TRUE, digests=frozenset({TRUE})),
    "alpine": ImageFacts(user="0", env={}, architecture="amd64", id=OTHER, digests=frozenset({OTHER})),
}


def order(
    *, image: str = "alpine", shell: tuple[str, ...] = (), grant: str = "dind", **service: object
) -> JobOrder:
    step = StepOrder(index=0, name="build", do=Script(text="true", shell=shell))
    beside = ServiceSpec(**{"names": ("docker",), "image": "docker:dind", **service})  # type: ignore[arg-type]
    return JobOrder(
        key="a", name="a", steps=(step,), image=image, services=(beside,), grant=grant,
        source=Source(origin="https://ci@Forge.example/acme/app.git", commit=""),
    )  # fmt: skip


def test_a_job_that_asks_for_nothing_is_given_nothing() -> None:
    assert granted(order(grant=""), (GRANT,), FACTS).by_image == {}


def test_a_grant_is_for_the_images_that_it_names() -> None:
    found = granted(order(), (GRANT,), FACTS)
    assert (found.of("docker:dind"), found.of("alpine"), found.of(None)) == (GRANT, None, None)


def test_a_grant_that_does_not_exist_says_where_one_is_made() -> None:
    with pytest.raises(BadInput, match="FLOWFORGE_GRANTS"):
        granted(order(), (), FACTS)


def test_a_grant_for_other_images_names_what_these_are() -> None:
    with pytest.raises(BadInput, match=rf"alpine is {OTHER}"):
        granted(order(), (GRANT,), {"alpine": FACTS["alpine"]})


@pytest.mark.parametrize("project", ["forge.example/acme/app"])
def test_a_grant_for_some_projects_is_for_these(project: str) -> None:
    mine = Grant(name="dind", images=(TRUE,), privileged=True, projects=(project,))
    assert granted(order(), (mine,), FACTS).by_image
    theirs = Grant(name="dind", images=(TRUE,), privileged=True, projects=("forge.example/acme/ap",))
    with pytest.raises(BadInput, match="it is not for this project"):
        granted(order(), (theirs,), FACTS)


@pytest.mark.parametrize(
    "change",
    [
        {"command": ("sh", "-c", "own words")},
        {"entrypoint": ("sh",)},
        {"user": "root"},
        {"env": {"LD_PRELOAD": "/tmp/own.so"}},
    ],
)
def test_a_granted_service_starts_what_the_grant_says(change: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="the service docker may"):
        granted(order(**change), (GRANT,), FACTS)


def test_a_granted_service_may_say_the_entrypoint_of_the_grant() -> None:
    fixed = Grant(name="dind", images=(TRUE,), privileged=True, entrypoint=("dockerd", "--tls=false"))
    assert granted(order(command=("dockerd", "--tls=false")), (fixed,), FACTS).by_image
    assert granted(order(), (fixed,), FACTS).by_image


def test_steps_of_a_granted_job_run_with_the_entrypoint_of_the_grant() -> None:
    fixed = Grant(name="dind", images=(OTHER,), privileged=True, entrypoint=("/bin/build",))
    assert granted(order(shell=("/bin/build",)), (fixed,), FACTS).of("alpine") == fixed
    with pytest.raises(BadInput, match='step "build" must run with `shell: /bin/build`'):
        granted(order(), (fixed,), FACTS)


def test_a_privileged_profile_says_so_and_keeps_the_bounds() -> None:
    told = profile(Limits(memory=1 << 30, cpus=1.5, shm=1 << 20), GRANT)
    assert told == {
        "Privileged": True, "PidsLimit": 1024, "Memory": 1 << 30, "MemorySwap": 1 << 30, "NanoCpus": 1_500_000_000,
        "ShmSize": 1 << 20, "IpcMode": "private", "ReadonlyRootfs": False, "Init": False, "Devices": [],
    }  # fmt: skip
