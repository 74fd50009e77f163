"""What a runner is told to do: serialisable, complete, without secret values and without anything dialect-specific."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowforge.model.job_spec import Clone
from flowforge.model.resources import USUAL, Network, Resources
from flowforge.model.secret_ref import SecretRef
from flowforge.model.service_spec import ServiceReach, ServiceSpec
from flowforge.model.sign_in import SignIn
from flowforge.model.source import Source
from flowforge.model.step_spec import Checkout, Script, When


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOrder:
    """A step with everything resolved: `index` counts from 0, `env` is complete but for secrets, the room's own names and
    those of the order's occasion.

    One in the `background` is started at its place and not waited for; it knows no time limits but the job's, ends with
    the job at the latest, and never fails it by how it ended. One that exits with a failure is run again up to `reruns`
    times, `rerun_pause` seconds later each, with a time limit of its own each time and one log.
    """

    index: int
    name: str
    do: Script | Checkout
    when: When = When.ON_SUCCESS
    env: Mapping[str, str] = field(default_factory=dict)
    working_directory: str | None = None
    timeout: float | None = None
    silence_timeout: float | None = None
    background: bool = False
    reruns: int = 0
    rerun_pause: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """All that an executor ever sees of a job. `occasion` is what every step finds set about its run unless the pipeline
    set it itself: kept apart, so that a repetition is told of its own run; an executor finds it in the steps."""

    key: str
    name: str
    steps: tuple[StepOrder, ...]
    image: str | None = None
    sign_in: SignIn | None = None
    source: Source | None = None
    clone: Clone = Clone.BEFORE_STEPS
    secrets: tuple[SecretRef, ...] = ()
    secret_groups: tuple[str, ...] = ()
    timeout: float | None = None
    services: tuple[ServiceSpec, ...] = ()
    reach: ServiceReach = ServiceReach.BY_NAME
    resources: Resources = USUAL
    network: Network = Network.OPEN
    grant: str = ""
    occasion: Mapping[str, str] = field(default_factory=dict)

    @property
    def watched(self) -> tuple[StepOrder, ...]:
        """The steps in the order in which their ends are waited for and their output is stored: background ones last."""
        return tuple(sorted(self.steps, key=lambda step: step.background))
