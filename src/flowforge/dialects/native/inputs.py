"""`parameters:` of the whole file: what somebody may give a run that they start."""

from collections.abc import Mapping

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native.parameters import INPUTS, Kind, Parameter, parameters, sample
from flowforge.dialects.node import Map, Node, Scalar
from flowforge.dialects.outside import filled, outsider
from flowforge.model.inputs import Given, InputSpec, InputType, InputValue
from flowforge.model.problem import Mark

LONGEST_INPUT = 16 * 1024


def declared_inputs(body: Map, findings: Findings) -> Mapping[str, Parameter]:
    return parameters(body.get("parameters"), INPUTS, findings)


def input_specs(declared: Mapping[str, Parameter]) -> tuple[InputSpec, ...]:
    return tuple(
        InputSpec(
            name=each.name,
            type=InputType(each.kind.value),
            default=_value(each.default) if isinstance(each.default, Scalar) else None,
            options=each.options,
            description=each.description,
        )
        for each in declared.values()
    )


def input_values(
    declared: Mapping[str, Parameter], given: Given, mark: Mark, findings: Findings
) -> Mapping[str, Node]:
    """By their names behind `pipeline.`. Text is somebody's who may not be the author, even where it is the default:
    what a script sees must not depend on it."""
    _refuse_unknown(declared, given, mark, findings)
    return {f"parameters.{name}": _input(each, given, findings) for name, each in declared.items()}


def expect_inputs(declared: Mapping[str, Parameter], given: Given, findings: Findings) -> None:
    """For a run that takes place: one that is left out lacks nothing."""
    for each in declared.values():
        if each.name not in given.inputs and each.default is None and given.trigger is not None:
            message = f"the input {quote(each.name)} was not given, and has no default"
            findings.error("missing-input", each.mark, message, "give it a `default`, or start it by hand")


def typed(spec: InputSpec, value: InputValue) -> InputValue | None:
    """`value` as the input takes it, also where it came as text; None where it does not."""
    if spec.type is InputType.STRING:
        return _plain(value) if len(_plain(value)) <= LONGEST_INPUT else None
    if spec.type is InputType.ENUM:
        return _plain(value) if _plain(value) in spec.options else None
    if spec.type is InputType.BOOLEAN:
        return {"true": True, "false": False}.get(_plain(value).lower())
    try:
        number = float(value)
        whole = int(value)
    except (ValueError, OverflowError):
        return _fraction(spec, value)
    if isinstance(value, bool) or (spec.type is InputType.INTEGER and number != whole):
        return None
    return whole if number == whole else number


def _fraction(spec: InputSpec, value: InputValue) -> float | None:
    """Text such as `1.5`, which is a number and no whole one."""
    try:
        number = float(value)
    except ValueError:
        return None
    finite = number == number and abs(number) != float("inf")
    return number if finite and spec.type is InputType.NUMBER else None


def _plain(value: InputValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(node: Scalar) -> InputValue:
    return filled(node) if node.value is None else node.value


def _refuse_unknown(declared: Mapping[str, Parameter], given: Given, mark: Mark, findings: Findings) -> None:
    for name in given.inputs:
        if name not in declared:
            near = findings.nearest(name, declared)
            hint = f"did you mean `{near}`?" if near else "declare it below `parameters`, or do not give it"
            findings.error("unknown-input", mark, f"there is no input {quote(name)}", hint)


def _input(parameter: Parameter, given: Given, findings: Findings) -> Node:
    (spec,) = input_specs({parameter.name: parameter})
    place = Scalar(text="", value="", mark=parameter.mark)
    if parameter.name not in given.inputs:
        node = parameter.default or sample(parameter, parameter.mark)
        return outsider(_text_of(node), place) if parameter.kind is Kind.STRING else node
    found = given.inputs[parameter.name]
    value = typed(spec, found)
    if value is None:
        message = f"the input {quote(parameter.name)} must be {parameter.wanted}, not {quote(str(found))}"
        findings.error("bad-input", parameter.mark, message, f"give {parameter.wanted}")
        return sample(parameter, parameter.mark)
    if parameter.kind is Kind.STRING:
        return outsider(str(value), place)
    return Scalar(text=_plain(value), value=value, mark=parameter.mark)


def _text_of(node: Node) -> str:
    return filled(node) if isinstance(node, Scalar) else ""
