"""`run:`, the step that does something."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from flowforge.dialects.evaluated import evaluated
from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native.duration import duration
from flowforge.dialects.native.environment import environment
from flowforge.dialects.native.fields import (
    check_keys,
    check_placeholders,
    flag,
    mapping,
    one_of,
    own_text,
    whole_number,
    wrong_type,
)
from flowforge.dialects.native.names import folder, label
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.node import Entry, Map, Node, Scalar
from flowforge.dialects.outside import scripted
from flowforge.model.step_spec import Script, StepSpec, When

LONGEST_DEFAULT_NAME = 80
EXAMPLE = "write `- run: make test`"
SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"})
"""Those that replace `${NAME}` and do not read what they put there as a command."""

MOST_RERUNS = 5
LONGEST_PAUSE = 600
_RERUN_WORDS = (("retries", "max_auto_reruns"), ("retry_delay", "auto_rerun_delay"))

COUNTED = "compare it with `[ … ]` in sh or bash, or make it an input of the type `integer`"

_WHEN = tuple(When)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A script, and the variables that carry what came from outside."""

    script: Script
    env: Mapping[str, str]


def shell_of(node: Node | None, findings: Findings) -> tuple[str, ...]:
    """The words of `shell:`; none where it is absent."""
    if node is None:
        return ()
    try:
        return tuple(shlex.split(own_text(node, "`shell`", findings)))
    except ValueError:
        findings.error(
            "bad-value", node.mark, "`shell` has an open quote", "write it like `/bin/bash -eo pipefail`"
        )
        return ()


def run_step(entry: Entry, shell: tuple[str, ...], reading: Reading) -> StepSpec | None:
    findings = reading.findings
    if isinstance(entry.value, Scalar):
        command = _command(entry.value, "`run`", shell, findings)
        return StepSpec(
            name=_first_line(command.script.text),
            do=command.script,
            env=command.env,
            silence_timeout=reading.grammar.silence,
        )
    body = mapping(entry.value, "`run`", findings, EXAMPLE)
    if body is None:
        return None
    check_keys(body, reading.grammar.words.run, findings)
    command = _commanded(entry.key, body, shell, findings)
    title, place, when, behind = (
        body.get(key) for key in ("name", "working_directory", "when", "background")
    )
    return StepSpec(
        name=label(title, "`name`", findings) if title else _first_line(command.script.text),
        do=command.script,
        when=When(one_of(when, "`when`", _WHEN, findings)) if when else When.ON_SUCCESS,
        env={**environment(body.get("environment"), findings), **command.env},
        working_directory=folder(place, "`working_directory`", findings, reading.grammar.folder)
        if place
        else None,
        timeout=_optional_duration(body, "timeout", findings),
        silence_timeout=_optional_duration(body, "no_output_timeout", findings) or reading.grammar.silence,
        background=bool(flag(behind, "`background`", findings)) if behind else False,
        **_reruns(body, findings),
    )


class _Reruns(TypedDict, total=False):
    reruns: int
    rerun_pause: float


def _reruns(body: Map, findings: Findings) -> _Reruns:
    """The words are CircleCI's or our own; which of them a file may use is checked with its other keys."""
    count, pause = (
        next((each for word in words if (each := body.entries.get(word))), None) for words in _RERUN_WORDS
    )
    found: _Reruns = {}
    if count:
        found["reruns"] = whole_number(count.value, quote(count.key.text), 1, MOST_RERUNS, findings)
    if pause:
        found["rerun_pause"] = duration(pause.value, quote(pause.key.text), findings, LONGEST_PAUSE)
    if pause and not count:
        hint = "write beside it how often the step is run again"
        findings.error("missing-key", pause.key.mark, f"{quote(pause.key.text)} stands alone", hint)
    return found


def _commanded(key: Scalar, body: Map, shell: tuple[str, ...], findings: Findings) -> Command:
    node = body.get("command")
    shell = shell_of(body.get("shell"), findings) or shell
    if node is None:
        hint = "write `command: make test` below it"
        findings.error("missing-key", key.mark, f"`{key.text}` has no `command`", hint)
        return Command(script=Script(text=""), env={})
    return _command(node, "`command`", shell, findings)


def _command(node: Node, what: str, shell: tuple[str, ...], findings: Findings) -> Command:
    if not isinstance(node, Scalar):
        wrong_type(node, what, "text", findings)
        return Command(script=Script(text=""), env={})
    check_placeholders(node, findings)
    if node.value is None or not node.text.strip():
        findings.error("empty-value", node.mark, f"{what} is empty", "write a value, or remove the key")
    text, env = scripted(node)
    if env and shell and shell[0].rpartition("/")[2] not in SHELLS:
        message = f"a value that comes from outside cannot stand in a script for `{shell[0]}`"
        hint = "put it into `environment`, and read the variable in the script"
        findings.error("outside-value", node.mark, message, hint)
    if env and (found := evaluated(node.text.replace("\\<<", "<<"))):
        message = (
            f"a value that comes from outside stands in `{found.shown}` in line {found.line} of the script, "
            "where a shell may run what it says"
        )
        findings.error("outside-value", node.mark, message, COUNTED)
    return Command(script=Script(text=text.replace("\\<<", "<<"), shell=shell), env=env)


def _optional_duration(body: Map, key: str, findings: Findings) -> float | None:
    node = body.get(key)
    return duration(node, f"`{key}`", findings) if node else None


def _first_line(command: str) -> str:
    line = next(iter(command.strip().splitlines()), "")
    shown = line[:LONGEST_DEFAULT_NAME]
    return (shown if shown.isprintable() else "".join(c if c.isprintable() else " " for c in shown)).strip()
