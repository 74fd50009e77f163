import re
from collections.abc import Callable
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowforge.dialects.circleci import CIRCLECI
from flowforge.dialects.native import NATIVE, vocabulary
from flowforge.dialects.native.vocabulary import Vocabulary
from flowforge.engine.plan import Occasion, plan
from flowforge.model.dialect import Dialect
from flowforge.model.inputs import NOTHING_GIVEN, Given
from flowforge.model.trigger import Trigger, TriggerEvent

from .golden import HERE

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
TRIGGER = Trigger(
    event=TriggerEvent.PUSH, repository="a/b", commit="c" * 40, ref="refs/heads/x", branch="$(x)\n<<"
)
PUSH = Given(trigger=TRIGGER, number=1, run_id=1, inputs={"deep": "true"}, changed=("a", "src/b"))
GOOD = sorted(path.read_text() for path in HERE.parent.glob("*/ok/*.yml"))
VOCABULARIES = [each for each in vars(vocabulary).values() if isinstance(each, Vocabulary)]
WORDS = sorted({word for each in VOCABULARIES for word in (*each.now, *each.later, *each.instead)})
PUNCTUATION = [
    *"\n\t :-?,[]{}&*!|>'\"%@`#<=~.\\/$é\x85\u2028",
    "\n  ",
    "\n    - ",
    ": ",
    "<<",
    "&a ",
    "*a",
    "---\n",
    "\r\n",
]
VALUES = [
    "a",
    "b",
    "1",
    "3.10",
    "-1",
    "true",
    "~",
    "1h",
    "../x",
    "<< parameters.x >>",
    "<< pipeline.git.branch >>",
    "<< matrix.v >> \\<<",
    "success",
    "/x.*/",
    "approval",
    "\\0",
    "always",
    "!!int ",
    "2.1",
]

words = st.sampled_from([*WORDS, *VALUES])
yaml_like = st.lists(st.sampled_from([*WORDS, *VALUES, *PUNCTUATION]), max_size=60).map("".join)
scalars = st.one_of(
    words, st.none(), st.booleans(), st.integers(-5, 10**20), st.floats(), st.text(max_size=8)
)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(words, st.text(max_size=4)), inner, max_size=5),
    ),
    max_leaves=8,
)


@st.composite
def shaped(draw: Callable[[Any], Any]) -> str:
    """Near enough to the grammar that every reader is reached."""
    steps = st.lists(st.one_of(words, st.dictionaries(words, trees, max_size=2)), max_size=4)
    job = st.dictionaries(st.sampled_from(vocabulary.JOB.now), trees, max_size=3)
    jobs = st.dictionaries(
        words, st.tuples(job, steps).map(lambda pair: {**pair[0], "steps": pair[1]}), max_size=3
    )
    place = st.one_of(
        words,
        st.dictionaries(words, st.dictionaries(st.sampled_from(vocabulary.PLACE.now), trees, max_size=3)),
    )
    workflow = st.fixed_dictionaries({"jobs": st.lists(place, max_size=4)})
    file = st.fixed_dictionaries(
        {"jobs": st.one_of(jobs, trees)},
        optional={
            "workflows": st.one_of(st.dictionaries(words, workflow, max_size=3), trees),
            "environment": trees,
            "name": trees,
            "version": trees,
            "fail_fast": trees,
            "parameters": st.one_of(st.dictionaries(words, trees, max_size=2), trees),
            "commands": st.one_of(st.dictionaries(words, st.dictionaries(words, trees, max_size=3)), trees),
            "executors": st.one_of(st.dictionaries(words, job, max_size=2), trees),
            "triggers": st.one_of(st.dictionaries(words, trees, max_size=3), trees),
            "orbs": st.one_of(st.dictionaries(words, st.dictionaries(words, trees, max_size=2)), trees),
            "job-groups": st.one_of(st.dictionaries(words, workflow, max_size=2), trees),
            "concurrency": trees,
            "paths": trees,
        },
    )
    return str(yaml.safe_dump(draw(file), allow_unicode=True))


@st.composite
def mutated(draw: Callable[[Any], Any]) -> str:
    text = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 30)))
        text = text[:start] + draw(st.one_of(yaml_like, st.just(""), words)) + text[end:]
    return text


def check(text: str) -> None:
    for dialect in (NATIVE, CIRCLECI):
        for occasion in (NOTHING_GIVEN, PUSH):
            check_as(dialect, text, occasion)


def check_as(dialect: Dialect, text: str, occasion: Given) -> None:
    parsed = dialect.parse(text, ".flowforge/ci.yml", occasion)
    assert (parsed.pipeline is None) == bool(parsed.errors)
    lines = re.split(r"\r\n|\r|\n", text)
    for problem in parsed.problems:
        assert 1 <= problem.mark.line <= len(lines), problem
        assert 1 <= problem.mark.column <= len(lines[problem.mark.line - 1]) + 1, problem
        assert problem.hint
        assert str(problem).isprintable()
    if parsed.pipeline:
        plan(parsed.pipeline, Occasion(run_id=1, number=1, trigger=TRIGGER, source=None))


@settings(max_examples=40, deadline=None)
@given(st.one_of(st.text(), st.text(alphabet=st.characters(codec=None)), yaml_like))
def test_random_text_is_parsed_or_refused_with_places(text: str) -> None:
    check(text)


@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
@given(mutated())
def test_damaged_file_is_parsed_or_refused_with_places(text: str) -> None:
    check(text)


@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
@given(shaped())
def test_file_of_the_right_shape_with_wrong_values_is_parsed_or_refused(text: str) -> None:
    check(text)
