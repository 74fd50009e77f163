"""A job as a pipeline's author wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flowforge.model.job_terms import NO_TERMS, JobTerms
from flowforge.model.resources import USUAL, Network, Resources
from flowforge.model.secret_ref import SecretRef
from flowforge.model.service_spec import ServiceReach, ServiceSpec
from flowforge.model.sign_in import SignIn
from flowforge.model.step_spec import StepSpec


class Clone(StrEnum):
    """Who brings the repository into the workspace."""

    BEFORE_STEPS = "before_steps"
    """The room does, before the first step: a job that names no checkout still finds its files."""
    BY_STEP = "by_step"
    """A checkout step of the job does, where and when it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """`key` is unique in its pipeline and what `needs` names; `image` is None where the dialect asks for no container;
    `sign_in` is for its registry.

    `timeout` is in seconds and bounds the whole job; None for the runner's own limit. `grant` names what an admin allows
    on a runner beyond the usual profile. `secret_groups` names sets of secrets, each wanted whole, where a dialect has
    such sets and does not say what is in them.
    """

    key: str
    name: str
    steps: tuple[StepSpec, ...]
    needs: tuple[str, ...] = ()
    image: str | None = None
    sign_in: SignIn | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    working_directory: str | None = None
    secrets: tuple[SecretRef, ...] = ()
    secret_groups: tuple[str, ...] = ()
    clone: Clone = Clone.BEFORE_STEPS
    timeout: float | None = None
    terms: JobTerms = NO_TERMS
    services: tuple[ServiceSpec, ...] = ()
    reach: ServiceReach = ServiceReach.BY_NAME
    resources: Resources = USUAL
    network: Network = Network.OPEN
    grant: str = ""
