"""From jobs and workflows to the jobs of one pipeline."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native.needs import check_needs
from flowforge.dialects.native.workflow import Place, Workflow
from flowforge.dialects.node import Entry
from flowforge.model.job_spec import JobSpec


def place_jobs(
    jobs: Mapping[str, JobSpec],
    entries: Mapping[str, Entry],
    workflows: tuple[Workflow, ...],
    findings: Findings,
) -> tuple[JobSpec, ...]:
    """One job for each place in a workflow. Its key is its name there, with the workflow's in front where several
    workflows use that name. `entries` are where the jobs were defined."""
    defined = frozenset(jobs)
    for workflow in workflows:
        for place in workflow.places:
            _check_defined(place, defined, findings)
        check_needs(workflow, defined, findings)
    if not findings.failed:
        _warn_of_unused(entries, workflows, findings)
    uses = Counter(name for workflow in workflows for name in workflow.by_name())
    placed: dict[str, JobSpec] = {}
    for workflow in workflows:
        for place, spec in _specs(workflow, jobs, uses):
            if spec.key in placed:
                message = f"two jobs of this file would be called {quote(spec.key)}"
                hint = "give this one a name of its own, below it: `name: …`"
                findings.error("duplicate-job", place.mark, message, hint)
            placed[spec.key] = spec
    return tuple(placed.values())


def _check_defined(place: Place, defined: frozenset[str], findings: Findings) -> None:
    if place.job in defined or place.gate or not place.job:
        return
    near = findings.nearest(place.job, defined)
    hint = (
        f"did you mean {quote(near)}?" if near else f"define {quote(place.job)} below the top level's `jobs`"
    )
    findings.error("unknown-job", place.mark, f"there is no job {quote(place.job)}", hint)


def _warn_of_unused(
    entries: Mapping[str, Entry], workflows: tuple[Workflow, ...], findings: Findings
) -> None:
    used = {place.job for workflow in workflows for place in workflow.places}
    for name, entry in entries.items():
        if name not in used:
            hint = f"add {quote('- ' + name)} to a workflow, or remove the job"
            findings.warning("unused-job", entry.key.mark, f"no workflow uses the job {quote(name)}", hint)


def _specs(
    workflow: Workflow, jobs: Mapping[str, JobSpec], uses: Counter[str]
) -> Iterator[tuple[Place, JobSpec]]:
    def key(name: str) -> str:
        return name if uses[name] == 1 else f"{workflow.name}/{name}"

    for place in workflow.by_name().values():
        if job := jobs.get(place.job):
            needs = tuple(key(requirement.name) for requirement in place.requires)
            title = place.name if place.renamed else job.name
            yield place, replace(job, key=key(place.name), name=title, needs=needs)
