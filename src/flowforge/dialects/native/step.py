"""`steps:`: from what is written to what is done."""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

from flowforge.dialects.findings import quote
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.condition import held
from flowforge.dialects.native.definition import Definition
from flowforge.dialects.native.definitions import arguments_of
from flowforge.dialects.native.fields import (
    check_keys,
    is_null,
    items,
    mapping,
    raw_text,
    single_entry,
    unusable_word,
)
from flowforge.dialects.native.names import inner_folder
from flowforge.dialects.native.parameters import bind
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.run_step import EXAMPLE, run_step
from flowforge.dialects.node import Entry, Map, Node, Scalar, Sequence
from flowforge.dialects.tree import Refused
from flowforge.model.problem import Mark
from flowforge.model.step_spec import Checkout, StepSpec

MOST_STEPS = 1000
DEEPEST_CALL = 30

Steps = tuple[StepSpec, ...]


class Around(NamedTuple):
    """Where steps stand: the job's shell, the commands they were called from, and what they were defined with."""

    shell: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    family: str = ""


def steps(node: Node, around: Around, reading: Reading) -> Steps:
    """`node` is the list."""
    return reading.once(("steps", around), node, lambda: _list(node, around, reading))


def _list(node: Node, around: Around, reading: Reading) -> Steps:
    nodes = node.items if isinstance(node, Sequence) and around.calls else _items(node, reading)
    _check_number(len(nodes), node.mark, reading)
    found: list[StepSpec] = []
    what = ("step", around)
    for each in nodes[:MOST_STEPS]:
        reading.visit(each.mark)
        found += reading.once(what, each, partial(_step, each, around, reading))
        if not _check_number(len(found), each.mark, reading):
            break
    return tuple(found)


def _items(node: Node, reading: Reading) -> tuple[Node, ...]:
    return items(node, "`steps`", reading.findings)


def _check_number(count: int, mark: Mark, reading: Reading) -> bool:
    if count > MOST_STEPS:
        message = f"a job has at most {MOST_STEPS} steps"
        reading.findings.error("too-many", mark, message, "call a script of the repository")
    return count <= MOST_STEPS


def _step(node: Node, around: Around, reading: Reading) -> Steps:
    if isinstance(node, Scalar):
        return _word(node, around, reading)
    if isinstance(node, Sequence):
        return _list(node, around._replace(calls=around.calls or ("",)), reading)
    entry = single_entry(node)
    if entry is None:
        _not_one_key(node, reading) if node.entries else _empty(node, reading)
        return ()
    return _keyed(entry, around, reading)


def _word(node: Scalar, around: Around, reading: Reading) -> Steps:
    if node.value is None:
        _empty(node, reading)
        return ()
    word = Scalar(text=raw_text(node, reading.findings), value=node.value, mark=node.mark)
    if word.text == "checkout":
        return (StepSpec(name="checkout", do=Checkout()),)
    if word.text in ("run", "when", "unless", "steps"):
        message = f"{quote(word.text)} has {'no command' if word.text == 'run' else 'nothing below it'}"
        hint = EXAMPLE if word.text == "run" else "write what belongs to it below it, behind a colon"
        reading.findings.error("empty-value", node.mark, message, hint)
        return ()
    return _called(word, {}, around, reading)


def _keyed(entry: Entry, around: Around, reading: Reading) -> Steps:
    word = entry.key.text
    if word == "checkout":
        return (_checkout(entry.value, reading),)
    if word == "run" or (word == "deploy" and "deploy" in reading.grammar.words.step.now):
        step = run_step(entry, around.shell, reading)
        return (step,) if step else ()
    if word in ("when", "unless"):
        return _conditional(entry, around, reading)
    if word == "steps":
        return _list(entry.value, around._replace(calls=around.calls or ("",)), reading)
    if _command(word, around, reading) is None:
        _unknown(entry.key, reading)
        return ()
    arguments = arguments_of(entry.value, reading, f"what stands below {quote(word)}")
    return _called(entry.key, dict(arguments), around, reading)


def _called(word: Scalar, arguments: dict[str, Node], around: Around, reading: Reading) -> Steps:
    command = _command(word.text, around, reading)
    if command is None:
        _unknown(word, reading)
        return ()
    called = f"{command.family}{command.key.text}"
    if called in around.calls:
        path = " → ".join((*around.calls[around.calls.index(called) :], called))
        message = f"these commands call one another: {path}"
        reading.findings.error("cycle", word.mark, message, "take one of the calls out")
        return ()
    if len(around.calls) > DEEPEST_CALL:
        message = f"commands call one another more than {DEEPEST_CALL} levels deep"
        reading.findings.error("too-deep", word.mark, message, "call fewer levels")
        raise Refused
    noun = f"the command {quote(word.text)}"
    values = bind(command.parameters, arguments, noun, word.mark, reading.findings)
    inside = around._replace(calls=(*around.calls, called), family=command.family)
    return command_steps(command, values, inside, reading)


def command_steps(command: Definition, values: dict[str, Node], inside: Around, reading: Reading) -> Steps:
    node = command.body.get("steps")
    if node is None:
        hint = "write `steps:` below it"
        reading.findings.error("missing-key", command.key.mark, "this command has no `steps`", hint)
        return ()
    return steps(reading.expander.expand(node, values), inside, reading)


def _conditional(entry: Entry, around: Around, reading: Reading) -> Steps:
    hint = "write `condition:` and `steps:` below it"
    body = mapping(entry.value, quote(entry.key.text), reading.findings, hint)
    if body is None:
        return ()
    check_keys(body, vocabulary.CONDITIONAL, reading.findings)
    condition, inner = body.get("condition"), body.get("steps")
    if condition is None or inner is None:
        missing = "condition" if condition is None else "steps"
        message = f"{quote(entry.key.text)} has no `{missing}`"
        reading.findings.error("missing-key", entry.key.mark, message, hint)
        return ()
    inside = around._replace(calls=around.calls or ("",))
    if held(entry, condition, reading):
        return steps(inner, inside, reading)
    if reading.for_nothing:
        reading.aside(lambda: _list(inner, inside, reading))
    return ()


def _command(word: str, around: Around, reading: Reading) -> Definition | None:
    return reading.commands.get(f"{around.family}{word}") or reading.commands.get(word)


def _unknown(word: Scalar, reading: Reading) -> None:
    if not reading.explain(word, word.text):
        unusable_word(word, _known(reading), "unknown-step", reading.findings)


def _known(reading: Reading) -> vocabulary.Vocabulary:
    words = reading.grammar.words.step
    return replace(words, now=(*words.now, *reading.commands)) if reading.commands else words


def _empty(node: Node, reading: Reading) -> None:
    reading.findings.error("empty-value", node.mark, "this step is empty", f"{EXAMPLE}, or remove it")


def _not_one_key(node: Map, reading: Reading) -> None:
    first, *others = (entry.key for entry in node.entries.values())
    named = " and ".join(quote(key.text) for key in (first, *others[:1]))
    hint = f"indent {quote(others[0].text)} below {quote(first.text)}, with the script as `command: …`"
    message = f"a step has one key, and this one has {named}"
    reading.findings.error("several-step-keys", others[0].mark, message, hint)


def _checkout(node: Node, reading: Reading) -> StepSpec:
    path = "."
    hint = "write `- checkout`"
    if not is_null(node) and (body := mapping(node, "`checkout`", reading.findings, hint)):
        check_keys(body, reading.grammar.words.checkout, reading.findings)
        if place := body.get("path"):
            path = inner_folder(place, "`path`", reading.findings, reading.grammar.folder)
    return StepSpec(name="checkout", do=Checkout(path=path))
