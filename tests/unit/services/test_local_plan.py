from pathlib import Path

import pytest

from flowforge.dialects.registry import dialect_of
from flowforge.errors import BadInput, Bug
from flowforge.model.inputs import NOTHING_GIVEN
from flowforge.model.pipeline_config import PipelineConfig
from flowforge.model.plan import Plan
from flowforge.model.trigger import TriggerEvent
from flowforge.services.local_plan import (
    EVENTS,
    Standing,
    given_locally,
    plan_locally,
    project_folder,
    undeclared,
    with_needs,
)

TEXT = """
jobs:
  build: {steps: [{run: make}], secrets: [KEY, OTHER]}
  test: {steps: [{run: make test}], secrets: [KEY]}
  docs: {steps: [{run: make docs}]}
workflows:
  ci: {jobs: [build, docs, {test: {requires: [build]}}]}
"""


@pytest.fixture
def config() -> PipelineConfig:
    parsed = dialect_of("ci.yml").parse(TEXT, "ci.yml", NOTHING_GIVEN).pipeline
    assert parsed
    return parsed


def planned_at(config: PipelineConfig, folder: Path, event: TriggerEvent, standing: Standing) -> Plan:
    return plan_locally(config, folder, given_locally(folder, event, standing, {}))


def test_inputs_are_a_part_of_the_occasion() -> None:
    given = given_locally(Path("/app"), TriggerEvent.MANUAL, Standing(), {"deep": "true"})
    assert given.inputs == {"deep": "true"}
    assert given.trigger
    assert given.trigger.inputs == {"deep": "true"}
    assert given.changed is None


def test_a_plan_without_an_occasion_is_a_bug(config: PipelineConfig) -> None:
    with pytest.raises(Bug):
        plan_locally(config, Path("/app"), NOTHING_GIVEN)


def test_a_job_comes_with_all_it_needs_and_nothing_else(config: PipelineConfig) -> None:
    assert [job.key for job in with_needs(config, "test").jobs] == ["build", "test"]
    assert [job.key for job in with_needs(config, "docs").jobs] == ["docs"]


def test_a_job_that_is_not_there_is_answered_with_those_that_are(config: PipelineConfig) -> None:
    with pytest.raises(BadInput, match="there is no job deploy; the jobs are build, docs, test"):
        with_needs(config, "deploy")


def test_the_folder_itself_is_the_source_and_git_tells_the_rest(config: PipelineConfig) -> None:
    standing = Standing(commit="c0ffee", ref="refs/heads/feature/x", title="Do it", author="Ada")
    planned = planned_at(config, Path("/home/ada/app"), TriggerEvent.PULL_REQUEST, standing)
    order = planned.jobs[0].order
    assert order.source
    assert (order.source.origin, order.source.commit) == ("/home/ada/app", "")
    env = order.steps[0].env
    assert env["FLOWFORGE_BRANCH"] == "feature/x"
    assert env["FLOWFORGE_COMMIT"] == "c0ffee"
    assert env["FLOWFORGE_REPOSITORY"] == "app"
    assert env["FLOWFORGE_EVENT"] == "pull_request"


def test_a_detached_folder_has_no_branch(config: PipelineConfig) -> None:
    planned = planned_at(config, Path("/app"), TriggerEvent.PUSH, Standing())
    assert planned.jobs[0].order.steps[0].env["FLOWFORGE_BRANCH"] == ""


def test_secrets_that_nobody_gave_are_named_once(config: PipelineConfig) -> None:
    planned = planned_at(config, Path("/app"), TriggerEvent.PUSH, Standing())
    assert undeclared(planned, {}) == ("KEY", "OTHER")
    assert undeclared(planned, {"KEY": "x"}) == ("OTHER",)


def test_other_systems_words_for_a_run_by_hand_are_known() -> None:
    assert EVENTS["workflow_dispatch"] is EVENTS["manual"] is TriggerEvent.MANUAL


def test_the_config_is_looked_for_up_to_the_repositorys_root(tmp_path: Path) -> None:
    inner = tmp_path / "repo" / "src" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "repo" / ".git").mkdir()
    (tmp_path / ".flowforge").mkdir()
    (tmp_path / ".flowforge" / "ci.yml").write_text(TEXT)
    assert project_folder(inner) == inner
    (tmp_path / "repo" / ".popsicle").mkdir()
    (tmp_path / "repo" / ".popsicle" / "ci.yml").write_text(TEXT)
    assert project_folder(inner) == tmp_path / "repo"
