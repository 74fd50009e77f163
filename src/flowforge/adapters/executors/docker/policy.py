"""What an admin lays down for the containers of all jobs."""

from dataclasses import dataclass, field, replace
from enum import Enum
from ipaddress import IPv4Network

from flowforge.errors import BadInput
from flowforge.model.grant import Grant
from flowforge.model.resources import Resources

# Below it an engine makes no container at all.
LEAST_MEMORY = 6 << 20
LEAST_CPUS = 0.01
SUBNETS = IPv4Network("10.213.0.0/16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of each container of a job that asks for nothing else. `memory` and `shm` are in bytes, None for no bound.
    `read_only` gives jobs a root they cannot write to, and a fresh /tmp."""

    pids: int | None = 1024
    memory: int | None = None
    cpus: float | None = None
    shm: int | None = None
    read_only: bool = False

    def under(self, asked: Resources) -> "Limits":
        """Raises `BadInput` for less than a container can be made with."""
        if asked.memory is not None and asked.memory < LEAST_MEMORY:
            raise BadInput(
                f"a job needs at least {LEAST_MEMORY >> 20} MB of memory, not {megabytes(asked.memory)}",
                field="resources",
            )
        if asked.cpus is not None and asked.cpus < LEAST_CPUS:
            raise BadInput(f"a job needs at least {LEAST_CPUS} CPUs, not {asked.cpus:g}", field="resources")
        for name in ("pids", "shm"):
            value = getattr(asked, name)
            if value is not None and value < 1:
                raise BadInput(f"a job cannot do with {value} of {name}", field="resources")
        return replace(
            self,
            pids=self.pids if asked.pids is None else asked.pids,
            memory=self.memory if asked.memory is None else asked.memory,
            cpus=self.cpus if asked.cpus is None else asked.cpus,
            shm=self.shm if asked.shm is None else asked.shm,
        )

    @property
    def resources(self) -> Resources:
        return Resources(pids=self.pids, memory=self.memory, cpus=self.cpus, shm=self.shm)


class Code(Enum):
    """Whose code the jobs run. What an engine is weak at concerns those who run anybody's."""

    OWN = "own"
    ANYBODYS = "anybodys"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPolicy:
    """`network` is an engine's network that jobs with an open one join, empty for the engine's usual one. Jobs with services
    by name get networks of their own from `subnets`."""

    limits: Limits = field(default_factory=Limits)
    grants: tuple[Grant, ...] = ()
    network: str = ""
    subnets: IPv4Network = SUBNETS
    code: Code = Code.ANYBODYS


def megabytes(size: int) -> str:
    """As people write limits."""
    return f"{size / (1 << 20):.4g} MB"
