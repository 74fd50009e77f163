"""A pipeline made ready for one trigger."""

from dataclasses import dataclass

from flowforge.model.job_terms import NO_TERMS, JobTerms
from flowforge.model.order import JobOrder
from flowforge.model.pipeline_config import Concurrency, OnFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    order: JobOrder
    needs: tuple[str, ...] = ()
    terms: JobTerms = NO_TERMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Jobs in an order in which each stands behind all it needs. `skip` says why filters leave the whole run out."""

    jobs: tuple[PlannedJob, ...]
    on_failure: OnFailure = OnFailure.STOP
    skip: str = ""
    concurrency: Concurrency | None = None
