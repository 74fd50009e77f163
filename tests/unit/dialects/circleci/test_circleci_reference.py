"""The reference page says what the parser does."""

import re
from pathlib import Path

import pytest

from flowforge.dialects.circleci import CIRCLECI
from flowforge.dialects.circleci.surroundings import environment, values
from flowforge.dialects.circleci.vocabulary import CIRCLECI_WORDS
from flowforge.model.inputs import NOTHING_GIVEN, Given, Home
from flowforge.model.trigger import PullRequest, Trigger, TriggerEvent

PAGE = (Path(__file__).parents[4] / "docs/reference/circleci.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_is_parsed_without_a_problem(example: str) -> None:
    parsed = CIRCLECI.parse(example, ".circleci/config.yml", NOTHING_GIVEN)
    assert parsed.problems == ()
    assert parsed.pipeline


def test_page_names_exactly_the_words_that_are_left_out() -> None:
    words = CIRCLECI_WORDS
    places = (words.step, words.container, words.service, words.checkout, words.run, words.job, words.place)
    rows = [line.split("|")[2] for line in section("What is left out").splitlines() if line.startswith("| ")][
        1:
    ]
    named = set(re.findall(r"`([^`]+)`", " ".join(rows)))
    assert named == {word for place in places for word in place.without}


def test_page_names_exactly_the_variables_that_are_set() -> None:
    trigger = Trigger(
        event=TriggerEvent.PULL_REQUEST,
        repository="a/b",
        commit="c",
        ref="refs/tags/v1",
        branch="x",
        author="y",
        pull_request=PullRequest(number=1, target="main", fork=True, source_repository="c/d"),
    )
    home = Home(forge="github", url="https://forge.example/a/b")
    found = {
        *environment(Given(trigger=trigger, home=home, run_url="https://ci.example/1")),
        "CIRCLE_JOB",
        "CIRCLE_NODE_INDEX",
        "CIRCLE_NODE_TOTAL",
    }
    assert found == set(re.findall(r"`(CIRCLE[A-Z0-9_]+)`", section("Variables")))


def test_page_names_exactly_the_pipeline_values() -> None:
    named = set(re.findall(r"`([a-z_.]+)`", section("Pipeline values"))) - {"pipeline."}
    assert named == {*values(NOTHING_GIVEN), "webhook", "api", "scheduled_pipeline"}
