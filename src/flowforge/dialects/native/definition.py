"""What a file defines once and uses in many places: a job, a command, an executor."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowforge.dialects.native.parameters import Parameter
from flowforge.dialects.node import Map, Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """`family` is what stands before the names of all that is defined together with it: `tools/` in an orb `tools`."""

    key: Scalar
    body: Map
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    family: str = ""
