"""A pipeline made ready for one trigger."""

from dataclasses import dataclass

from flowforge.model.order import JobOrder
from flowforge.model.pipeline_config import OnFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    order: JobOrder
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Jobs in an order in which each stands behind all it needs."""

    jobs: tuple[PlannedJob, ...]
    on_failure: OnFailure = OnFailure.STOP
