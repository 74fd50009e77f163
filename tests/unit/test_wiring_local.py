import socket
from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from flowforge.errors import EngineUnavailable
from flowforge.model.attempt import AttemptKey
from flowforge.settings import ExecutorChoice
from flowforge.testing.executor import FakeExecutor
from flowforge.wiring_local import engine_address, take_down


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


def test_a_socket_that_nobody_hears_stands_in_no_ones_way(tmp_path: Path) -> None:
    """As a daemon leaves it that was killed; what answers elsewhere is found."""
    dead, alive = tmp_path / "docker.sock", tmp_path / "podman" / "podman.sock"
    with _listening(dead):
        pass
    with _listening(alive) as engine:
        engine.listen()
        address = engine_address(ExecutorChoice.AUTO, {"XDG_RUNTIME_DIR": str(tmp_path)})
    assert address in (f"unix://{alive}", "unix:///var/run/docker.sock")
    assert address != f"unix://{dead}"


def _listening(place: Path) -> "closing[socket.socket]":
    place.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place))
    return closing(listener)


class _Sweeping(FakeExecutor):
    """Each sweep meets the next of these errors, the last ones none."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__({})
        self._errors = list(errors)
        self.swept = 0

    async def sweep(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        if self._errors:
            raise self._errors.pop(0)
        self.swept += 1
        return ()


async def test_a_room_that_goes_while_it_is_swept_stops_nothing() -> None:
    executor, said = _Sweeping(FileNotFoundError("control"), FileNotFoundError("control")), list[str]()
    await take_down(executor, said.append)
    assert (executor.swept, said) == (1, [])


async def test_what_cannot_be_swept_is_told_and_not_raised() -> None:
    said: list[str] = []
    await take_down(_Sweeping(EngineUnavailable("no engine")), said.append)
    assert said == ["warning: what was left is not wholly removed: no engine"]
