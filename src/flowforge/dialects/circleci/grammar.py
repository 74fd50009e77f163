"""What CircleCI means by the words that both dialects have.

Source: the configuration reference, https://circleci.com/docs/reference/configuration-reference/
"""

import re

from flowforge.dialects.circleci.surroundings import environment, values
from flowforge.dialects.circleci.vocabulary import CIRCLECI_WORDS
from flowforge.dialects.findings import Findings
from flowforge.dialects.native.fields import flag
from flowforge.dialects.native.grammar import Cloning, Grammar, Repeats, Tags
from flowforge.dialects.native.parse import parse_with
from flowforge.dialects.node import Map
from flowforge.model.inputs import NOTHING_GIVEN, Given
from flowforge.model.pipeline_config import Parsed
from flowforge.model.problem import Mark, Problem, Severity
from flowforge.model.service_spec import ServiceReach

SILENCE = 600.0
_HOME = "~/"
_BLOCK = re.compile(r"(?:\A|[\r\n])[ \t]{0,100}(<<[ \t]{0,9}[#^/][ \t]{0,9}[\w.-]{1,100}[ \t]{0,9}>>)")


def parse(text: str, path: str, given: Given = NOTHING_GIVEN) -> Parsed:
    """Never raises on text."""
    block = _BLOCK.search(text)
    if block:
        return Parsed(pipeline=None, problems=(_no_templates(text, path, block.start(1)),))
    return parse_with(CIRCLECI_GRAMMAR, text, path, given)


def _no_templates(text: str, path: str, at: int) -> Problem:
    """Of blocks of lines that are there or not, which only a text has and no YAML."""
    lines = re.split(r"\r\n|\r|\n", text[:at])
    return Problem(
        code="template-block",
        severity=Severity.ERROR,
        message="blocks of a template are not read",
        mark=Mark(path=path, line=len(lines), column=len(lines[-1]) + 1),
        hint="write the lines as steps below `when:`, or `when` at the workflow",
    )


def check_setup(body: Map, findings: Findings) -> None:
    """Source: https://circleci.com/docs/guides/orchestrate/dynamic-config/"""
    node = body.get("setup")
    if node is not None and flag(node, "`setup`", findings):
        message = (
            "`setup: true` makes this the first of two pipelines: a job of it makes the real config and hands it to "
            "CircleCI, which is not here to take it"
        )
        hint = (
            "commit the config that it makes as `.circleci/config.yml`; in place of the path-filtering orb "
            "write `paths` at the jobs"
        )
        findings.error("setup-config", node.mark, message, hint)


def workspace(_path: str) -> str:
    """A job's `working_directory` is where its files are checked out: here always the workspace."""
    return "."


def folder(path: str) -> str:
    """`~/project/sub` of a step is below the job's own folder, whatever that is called."""
    if path == "~":
        return "."
    if not path.startswith(_HOME) or path.startswith("~/."):
        return path
    return path.removeprefix(_HOME).partition("/")[2] or "."


CIRCLECI_GRAMMAR = Grammar(
    name="circleci",
    versions=("2", "2.0", "2.1"),
    words=CIRCLECI_WORDS,
    values=values,
    env=environment,
    check=check_setup,
    folder=folder,
    job_folder=workspace,
    tags=Tags.LEFT_OUT,
    repeats=Repeats.NUMBERED,
    cloning=Cloning.BY_STEP_ONLY,
    reach=ServiceReach.LOCALHOST,
    silence=SILENCE,
    job_variable="CIRCLE_JOB",
    node_prefixes=("FLOWFORGE_", "CIRCLE_"),
)
