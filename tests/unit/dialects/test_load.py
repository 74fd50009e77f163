import pytest

from flowforge.dialects.load import load
from flowforge.errors import PipelineConfigError


def test_loading_a_good_file_answers_its_pipeline() -> None:
    pipeline = load("jobs: {a: {steps: [checkout]}}", ".flowforge/ci.yml")
    assert [job.key for job in pipeline.jobs] == ["a"]
    assert (pipeline.name, pipeline.dialect, pipeline.path) == ("ci", "native", ".flowforge/ci.yml")


def test_loading_a_bad_file_raises_every_error_and_no_warning() -> None:
    text = "jobs: {a: {steps: [chekout]}, b: {}}\nworkflows: {w: {jobs: [a]}}"
    with pytest.raises(PipelineConfigError) as raised:
        load(text, "ci.yml")
    assert [problem.code for problem in raised.value.problems] == ["unknown-step", "missing-key"]
    assert str(raised.value).startswith("ci.yml:1:20: error: unknown step `chekout`")
    assert str(raised.value).endswith("(and 1 more)")
