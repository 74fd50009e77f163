"""A whole file of the native dialect."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.environment import environment
from flowforge.dialects.native.fields import check_keys, flag, mapping, text
from flowforge.dialects.native.job import job
from flowforge.dialects.native.limits import MOST_JOBS, check_limits
from flowforge.dialects.native.names import label
from flowforge.dialects.native.placement import place_jobs
from flowforge.dialects.native.workflow import workflows
from flowforge.dialects.node import Entry, Map
from flowforge.dialects.yaml import read
from flowforge.model.job_spec import JobSpec
from flowforge.model.pipeline_config import OnFailure, Parsed, PipelineConfig

VERSIONS = ("1", "2", "2.1")
"""Accepted and without effect: the grammar has one version."""


def parse(text: str, path: str) -> Parsed:
    """Never raises on text. Bytes that may not be UTF-8 are best decoded with `surrogateescape`: the place is named."""
    findings = Findings(path)
    root = read(text, findings)
    body = mapping(root, "the file", findings) if root else None
    pipeline = _pipeline(body, findings) if body else None
    return Parsed(pipeline=None if findings.failed else pipeline, problems=findings.problems)


def _pipeline(body: Map, findings: Findings) -> PipelineConfig:
    check_keys(body, vocabulary.TOP, findings)
    _check_version(body, findings)
    env = environment(body.get("environment"), findings)
    jobs = _jobs(body, findings)
    check_limits(jobs, env, body.mark, findings)
    title = body.get("name")
    return PipelineConfig(
        name=label(title, "`name`", findings) if title else PurePosixPath(findings.path).stem,
        dialect="native",
        path=findings.path,
        jobs=jobs,
        env=env,
        on_failure=_on_failure(body, findings),
    )


def _check_version(body: Map, findings: Findings) -> None:
    node = body.get("version")
    if node is None:
        return
    version = text(node, "`version`", findings)
    if version and version not in VERSIONS:
        hint = "write `version: 2.1`, or leave it out"
        findings.error("unsupported-version", node.mark, f"there is no version {quote(version)}", hint)


def _on_failure(body: Map, findings: Findings) -> OnFailure:
    node = body.get("fail_fast")
    stop = True if node is None else flag(node, "`fail_fast`", findings)
    return OnFailure.STOP if stop else OnFailure.CONTINUE


def _jobs(body: Map, findings: Findings) -> tuple[JobSpec, ...]:
    entries = _job_entries(body, findings)
    jobs = {name: job(entry, findings) for name, entry in entries.items()}
    order = body.get("workflows")
    if order is None:
        return tuple(jobs.values())
    read = workflows(order, findings)
    return place_jobs(jobs, entries, read, findings) if jobs else ()


def _job_entries(body: Map, findings: Findings) -> Mapping[str, Entry]:
    hint = "write `jobs:` with a job's name below it, and `steps:` below that"
    node = body.get("jobs")
    if node is None:
        findings.error("missing-key", body.mark, "the file has no `jobs`", hint)
        return {}
    jobs = mapping(node, "`jobs`", findings, hint)
    if jobs is None:
        return {}
    if not jobs.entries:
        findings.error("empty-value", node.mark, "`jobs` is empty", hint)
    if len(jobs.entries) > MOST_JOBS:
        findings.error("too-many", node.mark, f"a file has at most {MOST_JOBS} jobs", "split the file")
    return jobs.entries
