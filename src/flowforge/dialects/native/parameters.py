"""`parameters:` of a job, a command or an executor, and what is given for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.fields import (
    check_keys,
    is_null,
    items,
    mapping,
    one_of,
    raw_text,
    shown,
    text,
)
from flowforge.dialects.native.names import is_variable, parameter_name
from flowforge.dialects.node import Entry, Map, Node, Scalar, Sequence
from flowforge.dialects.outside import filled
from flowforge.model.problem import Mark

MOST_PARAMETERS = 200


class Kind(StrEnum):
    STRING = "string"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    ENUM = "enum"
    STEPS = "steps"
    EXECUTOR = "executor"
    VARIABLE = "env_var_name"


INPUTS = (Kind.STRING, Kind.BOOLEAN, Kind.INTEGER, Kind.NUMBER, Kind.ENUM)
ARGUMENTS = tuple(Kind)

_WANTED = {
    Kind.STRING: "text",
    Kind.BOOLEAN: "`true` or `false`",
    Kind.INTEGER: "a whole number",
    Kind.NUMBER: "a number",
    Kind.STEPS: "a list of steps",
    Kind.EXECUTOR: "an executor's name, or a mapping with `name`",
    Kind.VARIABLE: "the name of an environment variable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    name: str
    kind: Kind
    mark: Mark
    default: Node | None = None
    options: tuple[str, ...] = ()
    description: str = ""

    @property
    def wanted(self) -> str:
        if self.kind is Kind.ENUM:
            return "one of " + ", ".join(quote(option) for option in self.options)
        return _WANTED[self.kind]


def parameters(node: Node | None, kinds: tuple[Kind, ...], findings: Findings) -> dict[str, Parameter]:
    if node is None or is_null(node):
        return {}
    body = mapping(node, "`parameters`", findings, "write `name:` with `type: string` below it")
    if body is None:
        return {}
    if len(body.entries) > MOST_PARAMETERS:
        message = f"`parameters` has more than {MOST_PARAMETERS} entries"
        findings.error("too-many", node.mark, message, "declare fewer")
        return {}
    read = (_parameter(entry, kinds, findings) for entry in body.entries.values())
    return {each.name: each for each in read if each}


Checked = dict[tuple[str, int], Node]
"""Values that were found to fit, by parameter and the identity of the node that was given, which somebody keeps."""


def bind(
    declared: Mapping[str, Parameter],
    given: Mapping[str, Node],
    noun: str,
    mark: Mark,
    findings: Findings,
    checked: Checked | None = None,
) -> dict[str, Node]:
    """The values by their names in `<< >>`. `noun` is what takes them, standing at `mark`. `checked` is shared by
    those that bind the same parameters to the same nodes."""
    for name, node in given.items():
        if name not in declared:
            near = findings.nearest(name, declared)
            hint = f"did you mean `{near}`?" if near else _possible(declared)
            findings.error("unknown-parameter", node.mark, f"{noun} has no parameter {quote(name)}", hint)
    bound: dict[str, Node] = {}
    for name, parameter in declared.items():
        value = given.get(name) or parameter.default
        if value is None:
            message = f"{noun} needs a value for its parameter {quote(name)}"
            findings.error("missing-parameter", mark, message, f"write `{name}: …` there, {parameter.wanted}")
            bound[f"parameters.{name}"] = sample(parameter, mark)
        elif checked is None:
            bound[f"parameters.{name}"] = _checked(parameter, value, findings)
        else:
            place = (name, id(value))
            if place not in checked:
                checked[place] = _checked(parameter, value, findings)
            bound[f"parameters.{name}"] = checked[place]
    return bound


def sample(parameter: Parameter, mark: Mark) -> Node:
    """A value of the right kind where there is none."""
    if parameter.kind is Kind.STEPS:
        return Sequence(items=(), mark=mark)
    values: Mapping[Kind, str | bool | int] = {Kind.BOOLEAN: True, Kind.INTEGER: 1, Kind.NUMBER: 1}
    value = parameter.options[0] if parameter.options else values.get(parameter.kind, "value")
    return Scalar(text=str(value), value=value, mark=mark)


def samples(declared: Mapping[str, Parameter], mark: Mark) -> dict[str, Node]:
    return {f"parameters.{name}": each.default or sample(each, mark) for name, each in declared.items()}


def fits(parameter: Parameter, node: Node) -> bool:
    kind = parameter.kind
    if kind is Kind.STEPS:
        return isinstance(node, Sequence)
    if kind is Kind.EXECUTOR and isinstance(node, Map):
        return True
    if not isinstance(node, Scalar):
        return False
    value = node.value
    if kind is Kind.BOOLEAN:
        return isinstance(value, bool)
    if kind in (Kind.INTEGER, Kind.NUMBER):
        right = isinstance(value, int | float) if kind is Kind.NUMBER else isinstance(value, int)
        return right and not isinstance(value, bool)
    if kind is Kind.ENUM:
        return filled(node) in parameter.options
    return kind is not Kind.VARIABLE or is_variable(filled(node))


def _possible(declared: Mapping[str, Parameter]) -> str:
    names = ", ".join(f"`{name}`" for name in list(declared)[:20])
    return f"write one of {names}" if names else "remove it, or declare it below `parameters` there"


def _checked(parameter: Parameter, node: Node, findings: Findings) -> Node:
    if not fits(parameter, node):
        message = f"{quote(parameter.name)} must be {parameter.wanted}, and is {shown(node)}"
        findings.error("bad-argument", node.mark, message, f"write {parameter.wanted}")
        return sample(parameter, node.mark)
    if isinstance(node, Scalar) and parameter.kind in (Kind.STRING, Kind.ENUM, Kind.VARIABLE):
        written = "" if node.value is None else node.text
        return Scalar(text=written, value=written, mark=node.mark, plain=False, outside=node.outside)
    return node


def _parameter(entry: Entry, kinds: tuple[Kind, ...], findings: Findings) -> Parameter | None:
    name = parameter_name(entry.key, findings)
    body = mapping(entry.value, f"the parameter {quote(name)}", findings, "write `type: string` below it")
    if body is None:
        return None
    check_keys(body, vocabulary.PARAMETER, findings)
    kind = _kind(entry, body, kinds, findings)
    default, about = body.get("default"), body.get("description")
    parameter = Parameter(
        name=name,
        kind=kind,
        mark=entry.key.mark,
        options=_options(entry, body, kind, findings),
        description=raw_text(about, findings) if isinstance(about, Scalar) else "",
    )
    if default is None:
        return parameter
    fitting = _checked(parameter, default, findings)
    return Parameter(
        name=name,
        kind=kind,
        mark=parameter.mark,
        default=fitting,
        options=parameter.options,
        description=parameter.description,
    )


def _kind(entry: Entry, body: Map, kinds: tuple[Kind, ...], findings: Findings) -> Kind:
    node = body.get("type")
    if node is None:
        if "enum" in body.entries:
            return Kind.ENUM
        hint = "write `type: string` below it"
        findings.error("missing-key", entry.key.mark, "this parameter has no `type`", hint)
        return Kind.STRING
    return Kind(one_of(node, "`type`", tuple(kinds), findings))


def _options(entry: Entry, body: Map, kind: Kind, findings: Findings) -> tuple[str, ...]:
    node = body.get("enum")
    if kind is not Kind.ENUM:
        if node is not None:
            hint = "write `type: enum`, or remove it"
            findings.error("conflicting-keys", node.mark, f"a parameter of type {kind} has no `enum`", hint)
        return ()
    if node is None:
        hint = "write `enum: [one, other]` below it"
        findings.error("missing-key", entry.key.mark, "this parameter has no `enum`", hint)
        return ()
    return tuple(text(each, "an item of `enum`", findings) for each in items(node, "`enum`", findings))
