"""A container that runs beside a job's steps: a database, a browser, a queue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flowforge.model.sign_in import SignIn


class ServiceReach(StrEnum):
    """Where steps find the job's services."""

    BY_NAME = "by_name"
    """On a network of the job's own, under each service's names."""
    LOCALHOST = "localhost"
    """In the job container's own network, as CircleCI has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """Ready once `command` succeeds in the service's container; seconds."""

    command: tuple[str, ...]
    interval: float = 1.0
    timeout: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """Ready when its health check passes (its own, else the image's), or without one when the first of `ports` that it
    should listen on is open; with neither, once it runs. It must be ready within `deadline` seconds."""

    names: tuple[str, ...]
    image: str
    env: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    ports: tuple[int, ...] = ()
    health: HealthCheck | None = None
    deadline: float = 60.0
    sign_in: SignIn | None = None
