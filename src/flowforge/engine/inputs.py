"""Whether what somebody gives a pipeline is what it asks for."""

from collections.abc import Mapping, Sequence

from flowforge.model.inputs import InputSpec, InputType, InputValue

_WORDS = {"true": True, "false": False}


def wrong_inputs(specs: Sequence[InputSpec], given: Mapping[str, InputValue]) -> Mapping[str, str]:
    """For each input that will not do, by name, the sentence that says why."""
    known = {spec.name: spec for spec in specs}
    wrong = {
        name: f"there is no input {name!r}; there is {', '.join(known) or 'none'}"
        for name in given
        if name not in known
    }
    for spec in specs:
        said = _objection(spec, given)
        if said:
            wrong[spec.name] = said
    return wrong


def typed_inputs(specs: Sequence[InputSpec], given: Mapping[str, InputValue]) -> dict[str, InputValue]:
    """Texts, which is all that a command line has, as the types the pipeline declares; one that is no such value stays."""
    types = {spec.name: spec.type for spec in specs}
    return {
        name: _typed(types.get(name), value) if isinstance(value, str) else value
        for name, value in given.items()
    }


def _objection(spec: InputSpec, given: Mapping[str, InputValue]) -> str:
    if spec.name not in given:
        return f"the input {spec.name!r} must be given" if spec.default is None else ""
    value = given[spec.name]
    if spec.type is InputType.ENUM and value not in spec.options:
        return f"the input {spec.name!r} must be one of {', '.join(spec.options)}"
    return "" if _fits(spec.type, value) else f"the input {spec.name!r} must be {_ARTICLE[spec.type]}"


_ARTICLE = {
    InputType.STRING: "a text",
    InputType.BOOLEAN: "true or false",
    InputType.INTEGER: "a whole number",
    InputType.NUMBER: "a number",
    InputType.ENUM: "a text",
}


def _fits(type_: InputType, value: InputValue) -> bool:
    match type_:
        case InputType.BOOLEAN:
            return isinstance(value, bool)
        case InputType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case InputType.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return isinstance(value, str)


def _typed(type_: InputType | None, text: str) -> InputValue:
    if type_ is InputType.BOOLEAN:
        return _WORDS.get(text.lower(), text)
    if type_ is InputType.INTEGER or type_ is InputType.NUMBER:
        return _number(type_, text)
    return text


def _number(type_: InputType, text: str) -> InputValue:
    if len(text) > _LONGEST_NUMBER:
        return text
    try:
        return int(text) if type_ is InputType.INTEGER else float(text)
    except ValueError:
        return text


_LONGEST_NUMBER = 40
