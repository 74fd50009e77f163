"""Inputs that somebody gives, against those a pipeline asks for."""

import pytest

from flowforge.engine.inputs import typed_inputs, wrong_inputs
from flowforge.model.inputs import InputSpec, InputType, InputValue

SPECS = (
    InputSpec(name="version"),
    InputSpec(name="dry", type=InputType.BOOLEAN, default=False),
    InputSpec(name="count", type=InputType.INTEGER, default=1),
    InputSpec(name="ratio", type=InputType.NUMBER, default=0.5),
    InputSpec(name="place", type=InputType.ENUM, default="here", options=("here", "there")),
)
GOOD: dict[str, InputValue] = {"version": "1", "dry": True, "count": 3, "ratio": 2, "place": "there"}


def test_what_is_asked_for_is_fine() -> None:
    assert wrong_inputs(SPECS, GOOD) == {}
    assert wrong_inputs(SPECS, {"version": ""}) == {}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("version", 1, "the input 'version' must be a text"),
        ("dry", "true", "the input 'dry' must be true or false"),
        ("count", True, "the input 'count' must be a whole number"),
        ("count", 1.5, "the input 'count' must be a whole number"),
        ("ratio", "2", "the input 'ratio' must be a number"),
        ("place", "nowhere", "the input 'place' must be one of here, there"),
        ("versoin", "1", "there is no input 'versoin'; there is version, dry, count, ratio, place"),
    ],
)
def test_what_will_not_do_is_named(name: str, value: InputValue, said: str) -> None:
    assert wrong_inputs(SPECS, {**GOOD, name: value}) == {name: said}


def test_what_has_no_default_must_be_given() -> None:
    assert wrong_inputs(SPECS, {}) == {"version": "the input 'version' must be given"}
    assert wrong_inputs((), {"x": 1}) == {"x": "there is no input 'x'; there is none"}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("version", "1", "1"),
        ("dry", "True", True),
        ("dry", "false", False),
        ("dry", "perhaps", "perhaps"),
        ("count", "12", 12),
        ("count", "twelve", "twelve"),
        ("count", "9" * 5000, "9" * 5000),
        ("ratio", "0.25", 0.25),
        ("place", "here", "here"),
        ("other", "1", "1"),
    ],
)
def test_texts_become_what_the_pipeline_declares(name: str, text: str, value: InputValue) -> None:
    assert typed_inputs(SPECS, {name: text}) == {name: value}


def test_what_is_no_text_stays() -> None:
    assert typed_inputs(SPECS, {"dry": 1, "count": False}) == {"dry": 1, "count": False}
