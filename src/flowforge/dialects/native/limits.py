"""What one file may ask for altogether. A job used in many places costs as many orders."""

from collections.abc import Mapping

from flowforge.dialects.findings import Findings
from flowforge.model.job_spec import JobSpec
from flowforge.model.problem import Mark
from flowforge.model.step_spec import Script, StepSpec

MOST_DEFINED = 1000
MOST_JOBS = 10_000
MOST_STEPS = 50_000
LARGEST_ORDERS = 32 * 1024 * 1024
"""Characters of script and environment in all orders together, where each step carries its whole environment."""


def check_limits(jobs: tuple[JobSpec, ...], env: Mapping[str, str], mark: Mark, findings: Findings) -> None:
    hint = "split the file's work over several repositories or call scripts"
    steps = sum(len(job.steps) for job in jobs)
    if len(jobs) > MOST_JOBS:
        findings.error(
            "too-many", mark, f"the workflows come to {len(jobs)} jobs, and {MOST_JOBS} is the most", hint
        )
    elif steps > MOST_STEPS:
        findings.error(
            "too-many", mark, f"all jobs together have {steps} steps, and {MOST_STEPS} is the most", hint
        )
    elif _orders(jobs, env) > LARGEST_ORDERS:
        hint = "move environment from the top level to the steps that read it"
        message = f"scripts and environment of all steps come to more than {LARGEST_ORDERS} characters"
        findings.error("too-large-expanded", mark, message, hint)


def _orders(jobs: tuple[JobSpec, ...], env: Mapping[str, str]) -> int:
    """Steps and environments that jobs share are looked at once."""
    shared, envs, steps = _size(env), dict[int, int](), dict[int, int]()
    total = 0
    for job in jobs:
        if id(job.env) not in envs:
            envs[id(job.env)] = _size(job.env)
        for step in job.steps:
            if id(step) not in steps:
                steps[id(step)] = _step(step)
            total += shared + envs[id(job.env)] + steps[id(step)]
    return total


def _step(step: StepSpec) -> int:
    return _size(step.env) + (len(step.do.text) if isinstance(step.do, Script) else 0)


def _size(env: Mapping[str, str]) -> int:
    return sum(len(name) + len(value) for name, value in env.items()) if env else 0
