"""What is decided about containers without asking an engine."""

from ipaddress import IPv4Network
from itertools import pairwise
from typing import Any

import pytest

from flowforge.adapters.executors.docker.engine import _unframed
from flowforge.adapters.executors.docker.images import _facts
from flowforge.adapters.executors.docker.network import MOST_TRIES, _candidates
from flowforge.adapters.executors.docker.policy import Limits
from flowforge.errors import BadInput
from flowforge.model.resources import USUAL, Resources
from flowforge.model.service_spec import HealthCheck

POOL = IPv4Network("10.213.0.0/16")


def test_networks_are_looked_for_all_over_the_range_and_never_twice() -> None:
    found = list(_candidates("a job", POOL))
    assert len(found) == MOST_TRIES == len(set(found))
    assert all(network.subnet_of(POOL) and network.prefixlen == 27 for network in found)
    assert not any(one.overlaps(other) for one, other in pairwise(sorted(found)))


def test_a_small_range_is_looked_through_whole() -> None:
    pool = IPv4Network("10.0.7.0/24")
    assert set(_candidates("a job", pool)) == set(pool.subnets(new_prefix=27))


def test_jobs_begin_to_look_at_places_of_their_own() -> None:
    assert len({next(_candidates(f"job {number}", POOL)) for number in range(40)}) > 30


def test_a_job_that_asks_for_nothing_has_the_runners_limits() -> None:
    usual = Limits(pids=100, memory=1 << 30, cpus=2.0, shm=1 << 20)
    assert usual.under(USUAL) == usual
    assert usual.under(Resources(memory=2 << 30)) == Limits(pids=100, memory=2 << 30, cpus=2.0, shm=1 << 20)


@pytest.mark.parametrize(
    "asked", [Resources(memory=6 << 19), Resources(cpus=0.0), Resources(pids=0), Resources(shm=0)]
)
def test_less_than_a_container_needs_is_refused(asked: Resources) -> None:
    with pytest.raises(BadInput):
        Limits().under(asked)


def test_output_of_containers_comes_in_frames() -> None:
    stream = b"\1\0\0\0\0\0\0\3out" + b"\2\0\0\0\0\0\0\4err\n" + b"\1\0\0"
    assert _unframed(stream) == b"outerr\n"


def image(**config: Any) -> dict[str, Any]:
    return {"Id": f"sha256:{'1' * 64}", "Architecture": "arm64", "Config": config}


def test_an_image_is_named_by_its_content_whichever_way_the_engine_writes_it() -> None:
    told = image() | {"Id": "1" * 64, "RepoDigests": [f"docker.io/library/a@sha256:{'2' * 64}"]}
    assert _facts(told).digests == {f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"}
    assert _facts(told).id == f"sha256:{'1' * 64}"


def test_ports_are_those_of_tcp() -> None:
    exposed: dict[str, Any] = {"5432/tcp": {}, "53/udp": {}, "80": {}, "odd": {}}
    assert _facts(image(ExposedPorts=exposed)).ports == (80, 5432)


@pytest.mark.parametrize(
    ("told", "check"),
    [
        ({"Test": ["CMD", "pg_isready", "-q"]}, HealthCheck(command=("pg_isready", "-q"))),
        ({"Test": ["CMD-SHELL", "a && b"]}, HealthCheck(command=("/bin/sh", "-c", "a && b"))),
        ({"Test": ["CMD", "a"], "Timeout": 3_000_000_000}, HealthCheck(command=("a",), timeout=3.0)),
        ({"Test": ["CMD", "a"], "Timeout": 3600 * 10**9}, HealthCheck(command=("a",), timeout=60.0)),
        ({"Test": ["NONE"]}, None),
        ({"Test": []}, None),
        ({}, None),
    ],
)
def test_the_health_check_of_an_image_is_read(told: dict[str, Any], check: HealthCheck | None) -> None:
    assert _facts(image(Healthcheck=told)).health == check
