"""One item of `steps:`."""

import shlex

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.duration import duration
from flowforge.dialects.native.environment import environment
from flowforge.dialects.native.fields import (
    check_keys,
    is_null,
    mapping,
    one_of,
    single_entry,
    text,
    unusable_word,
    wrong_type,
)
from flowforge.dialects.native.names import folder, inner_folder, label
from flowforge.dialects.node import Entry, Map, Node, Scalar
from flowforge.model.step_spec import Checkout, Script, StepSpec, When

LONGEST_DEFAULT_NAME = 80

_WHEN = tuple(When)
_EXAMPLE = "write `- run: make test`"


def step(node: Node, shell: tuple[str, ...], findings: Findings) -> StepSpec | None:
    """`shell` is the job's own, for steps that name none. None after an error."""
    if isinstance(node, Scalar):
        return _word(node, findings)
    if not isinstance(node, Map):
        wrong_type(node, "a step", "a word or a mapping", findings, _EXAMPLE)
        return None
    entry = single_entry(node)
    if entry is None:
        _not_one_key(node, findings) if node.entries else _empty(node, findings)
        return None
    return _keyed(entry, shell, findings)


def shell_of(node: Node | None, findings: Findings) -> tuple[str, ...]:
    """The words of `shell:`; none where it is absent."""
    if node is None:
        return ()
    command = text(node, "`shell`", findings)
    try:
        return tuple(shlex.split(command))
    except ValueError:
        findings.error(
            "bad-value", node.mark, "`shell` has an open quote", "write it like `/bin/bash -eo pipefail`"
        )
        return ()


def _word(node: Scalar, findings: Findings) -> StepSpec | None:
    if node.text == "checkout":
        return StepSpec(name="checkout", do=Checkout())
    if node.text == "run":
        findings.error("empty-value", node.mark, "`run` has no command", _EXAMPLE)
    elif node.value is None:
        _empty(node, findings)
    else:
        unusable_word(node, vocabulary.STEP, "unknown-step", findings)
    return None


def _empty(node: Node, findings: Findings) -> None:
    findings.error("empty-value", node.mark, "this step is empty", f"{_EXAMPLE}, or remove it")


def _not_one_key(node: Map, findings: Findings) -> None:
    first, *others = (entry.key for entry in node.entries.values())
    named = " and ".join(quote(key.text) for key in (first, *others[:1]))
    hint = f"indent {quote(others[0].text)} below {quote(first.text)}, with the script as `command: …`"
    findings.error("several-step-keys", others[0].mark, f"a step has one key, and this one has {named}", hint)


def _keyed(entry: Entry, shell: tuple[str, ...], findings: Findings) -> StepSpec | None:
    if entry.key.text == "checkout":
        return _checkout(entry.value, findings)
    if entry.key.text == "run":
        return _run(entry, shell, findings)
    unusable_word(entry.key, vocabulary.STEP, "unknown-step", findings)
    return None


def _checkout(node: Node, findings: Findings) -> StepSpec:
    path = "."
    if not is_null(node) and (body := mapping(node, "`checkout`", findings, "write `- checkout`")):
        check_keys(body, vocabulary.CHECKOUT, findings)
        if place := body.get("path"):
            path = inner_folder(place, "`path`", findings)
    return StepSpec(name="checkout", do=Checkout(path=path))


def _run(entry: Entry, shell: tuple[str, ...], findings: Findings) -> StepSpec | None:
    if isinstance(entry.value, Scalar):
        command = text(entry.value, "`run`", findings)
        return StepSpec(name=_first_line(command), do=Script(text=command, shell=shell))
    body = mapping(entry.value, "`run`", findings, _EXAMPLE)
    if body is None:
        return None
    check_keys(body, vocabulary.RUN, findings)
    script = _script(entry.key, body, shell, findings)
    title = body.get("name")
    place = body.get("working_directory")
    when = body.get("when")
    return StepSpec(
        name=label(title, "`name`", findings) if title else _first_line(script.text),
        do=script,
        when=When(one_of(when, "`when`", _WHEN, findings)) if when else When.ON_SUCCESS,
        env=environment(body.get("environment"), findings),
        working_directory=folder(place, "`working_directory`", findings) if place else None,
        timeout=_optional_duration(body, "timeout", findings),
        silence_timeout=_optional_duration(body, "no_output_timeout", findings),
    )


def _script(key: Scalar, body: Map, shell: tuple[str, ...], findings: Findings) -> Script:
    node = body.get("command")
    if node is None:
        findings.error(
            "missing-key", key.mark, "`run` has no `command`", "write `command: make test` below it"
        )
        return Script(text="")
    command = text(node, "`command`", findings)
    return Script(text=command, shell=shell_of(body.get("shell"), findings) or shell)


def _optional_duration(body: Map, key: str, findings: Findings) -> float | None:
    node = body.get(key)
    return duration(node, f"`{key}`", findings) if node else None


def _first_line(command: str) -> str:
    line = next(iter(command.strip().splitlines()), "")
    return "".join(c if c.isprintable() else " " for c in line[:LONGEST_DEFAULT_NAME]).strip()
