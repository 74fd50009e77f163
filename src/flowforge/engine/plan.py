"""From a pipeline and what triggered it to orders that a runner can carry out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flowforge.engine.graph import in_order
from flowforge.model.job_spec import JobSpec
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.pipeline_config import PipelineConfig
from flowforge.model.plan import Plan, PlannedJob
from flowforge.model.source import Source
from flowforge.model.trigger import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What one run adds to its pipeline: who it is, why it runs, and where its files come from."""

    run_id: int
    number: int
    trigger: Trigger
    source: Source | None
    run_url: str = ""


def plan(pipeline: PipelineConfig, occasion: Occasion) -> Plan:
    specs = {job.key: job for job in pipeline.jobs}
    ordered = in_order({key: spec.needs for key, spec in specs.items()})
    told = {**occasion_env(occasion), **pipeline.occasion}
    return Plan(
        jobs=tuple(
            PlannedJob(
                order=_order(specs[key], pipeline.env, told, occasion),
                needs=specs[key].needs,
                terms=specs[key].terms,
            )
            for key in ordered
        ),
        on_failure=pipeline.on_failure,
        skip=pipeline.skip,
        concurrency=pipeline.concurrency,
    )


def left_out(planned: Plan) -> Plan:
    """The plan with its own reason for being left out as each job's, for a run that must be held nevertheless."""
    jobs = (
        replace(job, terms=replace(job.terms, skip=job.terms.skip or planned.skip)) for job in planned.jobs
    )
    return replace(planned, jobs=tuple(jobs))


def occasion_env(occasion: Occasion) -> dict[str, str]:
    """The names every step finds set; a pipeline's own `environment` may override them."""
    trigger = occasion.trigger
    request = trigger.pull_request
    return {
        "CI": "true",
        "FLOWFORGE": "true",
        "FLOWFORGE_RUN_ID": str(occasion.run_id),
        "FLOWFORGE_RUN_NUMBER": str(occasion.number),
        "FLOWFORGE_RUN_URL": occasion.run_url,
        "FLOWFORGE_EVENT": trigger.event.value,
        "FLOWFORGE_REPOSITORY": trigger.repository,
        "FLOWFORGE_COMMIT": trigger.commit,
        "FLOWFORGE_REF": trigger.ref,
        "FLOWFORGE_BRANCH": trigger.branch,
        "FLOWFORGE_TAG": trigger.tag,
        "FLOWFORGE_PULL_REQUEST": str(request.number) if request else "",
        "FLOWFORGE_TARGET_BRANCH": request.target if request else "",
        "FLOWFORGE_TITLE": trigger.title,
        "FLOWFORGE_AUTHOR": trigger.author,
    }


def complete(order: JobOrder) -> JobOrder:
    """As an executor takes it: every step finds the occasion set, but for what the pipeline set itself. Steps that share
    their variables still do."""
    merged = {id(step.env): {**order.occasion, **step.env} for step in order.steps}
    steps = tuple(replace(step, env=merged[id(step.env)]) for step in order.steps)
    return replace(order, steps=steps, occasion={})


def _order(spec: JobSpec, outer: Mapping[str, str], told: Mapping[str, str], occasion: Occasion) -> JobOrder:
    """`outer` is what every job of the pipeline finds set, `told` what it finds about its run. Steps without
    variables of their own share the job's."""
    job_env = {**outer, "FLOWFORGE_JOB": spec.key, **spec.env}
    steps = [
        StepOrder(
            index=index,
            name=step.name,
            do=step.do,
            when=step.when,
            env={**job_env, **step.env} if step.env else job_env,
            working_directory=step.working_directory or spec.working_directory,
            timeout=step.timeout,
            silence_timeout=step.silence_timeout,
            background=step.background,
            reruns=step.reruns,
            rerun_pause=step.rerun_pause,
        )
        for index, step in enumerate(spec.steps)
    ]
    return JobOrder(
        key=spec.key,
        name=spec.name,
        steps=tuple(steps),
        image=spec.image,
        sign_in=spec.sign_in,
        source=occasion.source,
        clone=spec.clone,
        secrets=spec.secrets,
        secret_groups=spec.secret_groups,
        timeout=spec.timeout,
        services=spec.services,
        reach=spec.reach,
        resources=spec.resources,
        network=spec.network,
        grant=spec.grant,
        occasion=told,
    )
