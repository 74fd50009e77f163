import socket
from contextlib import closing
from pathlib import Path

import pytest

from flowforge.settings import ExecutorChoice
from flowforge.wiring_local import engine_address


@pytest.mark.parametrize("choice", [ExecutorChoice.PODMAN, ExecutorChoice.DOCKER, ExecutorChoice.AUTO])
def test_a_named_engine_is_the_engine(choice: ExecutorChoice) -> None:
    assert engine_address(choice, {"DOCKER_HOST": "tcp://engine:2375"}) == "tcp://engine:2375"


def test_podman_never_becomes_docker_where_podman_is_absent(tmp_path: Path) -> None:
    address = engine_address(ExecutorChoice.PODMAN, {"XDG_RUNTIME_DIR": str(tmp_path)})
    assert address in (f"unix://{tmp_path}/podman/podman.sock", "unix:///run/podman/podman.sock")


def test_docker_is_asked_at_its_own_socket_though_podman_is_here(tmp_path: Path) -> None:
    with _listening(tmp_path / "podman" / "podman.sock"):
        address = engine_address(ExecutorChoice.DOCKER, {"XDG_RUNTIME_DIR": str(tmp_path)})
    assert address == "unix:///var/run/docker.sock"


def test_the_users_own_podman_is_found(tmp_path: Path) -> None:
    place = tmp_path / "podman" / "podman.sock"
    with _listening(place):
        address = engine_address(ExecutorChoice.PODMAN, {"XDG_RUNTIME_DIR": str(tmp_path)})
    assert address == f"unix://{place}"


def _listening(place: Path) -> "closing[socket.socket]":
    place.parent.mkdir(parents=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place))
    return closing(listener)
