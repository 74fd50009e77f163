from typing import Any

import pytest

from flowforge.adapters.executors.docker.vetting import engine_name, weaknesses

SOUND = {"SecurityOptions": ["name=seccomp,profile=builtin"]}


def with_runc(version: str) -> dict[str, Any]:
    return {"Components": [{"Name": "Engine", "Version": "28.0"}, {"Name": "runc", "Version": version}]}


@pytest.mark.parametrize(
    ("version", "name"),
    [
        (
            {"Platform": {"Name": "Docker Engine - Community"}, "Version": "28.1"},
            "Docker Engine - Community 28.1",
        ),
        (
            {"Platform": {"Name": ""}, "Version": "20.10.24", "Components": [{"Name": "Engine"}]},
            "Docker 20.10.24",
        ),
        (
            {
                "Platform": {"Name": "linux/amd64/debian-12"},
                "Version": "4.3.1",
                "Components": [{"Name": "Podman Engine"}],
            },
            "Podman 4.3.1",
        ),
        ({}, "Docker"),
    ],
)
def test_an_engine_is_called_what_people_call_it(version: dict[str, Any], name: str) -> None:
    assert engine_name(version) == name


@pytest.mark.parametrize("version", ["1.1.5+ds1", "1.2.7", "1.3.2", "0.9.1"])
def test_a_runc_with_known_holes_is_a_weakness(version: str) -> None:
    (sentence,) = weaknesses(with_runc(version), SOUND)
    assert sentence.startswith(f"runc {version.split('+')[0]} is older")


@pytest.mark.parametrize("version", ["1.2.8", "1.3.3", "1.4.0", "1.5.1", "2.0.0", "unknown"])
def test_a_mended_or_unknown_runc_is_none(version: str) -> None:
    assert list(weaknesses(with_runc(version), SOUND)) == []


@pytest.mark.parametrize("options", [None, [], ["name=apparmor"], ["name=seccomp,profile=unconfined"]])
def test_an_engine_that_filters_no_system_calls_is_weak(options: list[str] | None) -> None:
    (sentence,) = weaknesses({}, {"SecurityOptions": options})
    assert "seccomp" in sentence
