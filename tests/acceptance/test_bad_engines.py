"""Images and engines that are not what a job needs."""

import json

import pytest

from tests.images import image
from tests.rig import FakeGitHub, RealServer
from tests.rig.machine import Machine, docker, until
from tests.rig.registry import empty_registry
from tests.rig.stage import come_to_rest, wait_for_delivery


def config(image: str) -> bytes:
    return json.dumps(
        {"jobs": {"build": {"docker": [{"image": image}], "steps": [{"run": "echo"}]}}}
    ).encode()


def failed_job(forge: FakeGitHub, server: RealServer, image: str) -> dict[str, object]:
    pushed = server.push(forge, {".flowforge/ci.yml": config(image)})
    run = server.over(pushed.run_id)
    (job,) = run["jobs"]
    assert (run["status"], job["status"], run["cause"]) == ("failure", "failure", job["cause"])
    assert run["reason"] == f'job "build": {job["reason"]}'
    status = forge.wait_for(pushed.commit, "failure")
    assert status.description.removeprefix("config: ").startswith('job "build": ')
    wait_for_delivery(server, pushed.run_id)
    come_to_rest(server, docker())
    found: dict[str, object] = job
    return found


@pytest.mark.needs("docker", "busybox", "git")
def test_an_image_that_does_not_exist_is_the_configs_fault(forge: FakeGitHub, server: RealServer) -> None:
    with empty_registry() as registry:
        job = failed_job(forge, server, name := f"{registry.host}/acme/absent")
    assert job["cause"] == "config"
    assert str(job["reason"]).startswith(f"the image {name} is not here and cannot be pulled: ")


@pytest.mark.needs("docker", "busybox", "git")
def test_a_registry_that_does_not_answer_is_nobodys_fault(forge: FakeGitHub, server: RealServer) -> None:
    with empty_registry() as registry:
        name = f"{registry.host}/acme/absent"
    run_id = server.push(forge, {".flowforge/ci.yml": config(name)}).run_id
    until(lambda: tried(server, run_id), "a first attempt that failed, and another one to come")
    (job,) = server.run(run_id)["jobs"]
    assert (job["status"], job["attempts"][0]["cause"]) == ("pending", "infrastructure")
    why = f"the image {name} is not here and cannot be pulled: "
    assert str(job["reason"]).startswith(f"attempt 1 failed: {why}")
    server.api("POST", f"/runs/{run_id}/cancel")
    assert server.over(run_id)["status"] == "cancelled"
    wait_for_delivery(server, run_id)
    come_to_rest(server, docker())


def tried(server: RealServer, run_id: int) -> bool:
    jobs = server.run(run_id)["jobs"]
    return bool(jobs) and any(attempt["status"] == "failure" for attempt in jobs[0]["attempts"])


@pytest.mark.needs("docker", "busybox", "git")
def test_an_image_without_a_shell_is_named(forge: FakeGitHub, server: RealServer) -> None:
    job = failed_job(forge, server, name := image("no-shell"))
    assert job["cause"] == "config"
    assert str(job["reason"]).startswith(f"the image {name} has no shell (neither bash nor sh)")


class TestWithoutAnEngine:
    @pytest.fixture
    def settings(self) -> dict[str, str]:
        return {
            "DOCKER_HOST": "unix:///nowhere/docker.sock",
            "FLOWFORGE_EXECUTOR": "docker",
            "FLOWFORGE_ENGINE_WAIT": "3",
            "FLOWFORGE_LEASE_SECONDS": "2",
        }

    @pytest.mark.needs("git")
    def test_jobs_wait_with_the_reason_and_then_fail(self, forge: FakeGitHub, server: RealServer) -> None:
        pushed = server.push(forge, {".flowforge/ci.yml": config("any")})
        why = "local: no container engine answers at unix:///nowhere/docker.sock"
        until(lambda: waits_because(server, pushed.run_id, why), "a waiting job that says why")
        run = server.over(pushed.run_id)
        (job,) = run["jobs"]
        assert (run["status"], job["status"], job["cause"]) == ("failure", "failure", "infrastructure")
        assert job["reason"].startswith(f"no runner could take the job for 3 s: {why}")
        wait_for_delivery(server, pushed.run_id)
        assert forge.states_of(pushed.commit)[-1] == "failure"
        come_to_rest(server, Machine("none", "any", "nowhere"))


def waits_because(server: RealServer, run_id: int, why: str) -> bool:
    jobs = server.run(run_id)["jobs"]
    return bool(jobs) and jobs[0]["status"] == "pending" and str(jobs[0]["reason"]).startswith(why)
