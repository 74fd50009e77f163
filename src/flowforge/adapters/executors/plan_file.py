"""What the supervisor is told: an order, its secrets and the room around it, as one file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from flowforge.adapters.executors import netstrings
from flowforge.errors import BadInput
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.resources import USUAL, Resources
from flowforge.model.step_spec import Script

Pairs = Iterator[tuple[str, str | bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The room as its steps find it. `user` is None where they run as whoever runs the supervisor; `env` is what the
    room itself brings, before the order's own names; `limits` must be in force before any step runs. `processes` bounds
    how many the steps' user may have, who must then be nobody else's."""

    workspace: str
    scripts: str
    user: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    processes: int | None = None
    grace: float
    limits: Resources = USUAL


def plan_file(order: JobOrder, secrets: Mapping[str, str], room: Surroundings) -> bytes:
    """Raises `BadInput` for text that no process can be given."""
    return netstrings.pack(_plan(order, secrets, room))


def _plan(order: JobOrder, secrets: Mapping[str, str], room: Surroundings) -> Pairs:
    yield "workspace", room.workspace
    yield "scripts", room.scripts
    if room.user is not None:
        yield "user", room.user
    if room.processes is not None:
        yield "processes", str(room.processes)
    yield "grace", _milliseconds(room.grace)
    if order.timeout is not None:
        yield "deadline", _milliseconds(order.timeout)
    yield from _limits(room.limits)
    for step in order.steps:
        yield from _step(step, secrets, room)


def _limits(limits: Resources) -> Pairs:
    if limits.memory is not None:
        yield "memory", str(limits.memory)
    if limits.pids is not None:
        yield "pids", str(limits.pids)
    if limits.cpus is not None:
        yield "cpus", str(round(limits.cpus * 1000))


def _step(step: StepOrder, secrets: Mapping[str, str], room: Surroundings) -> Pairs:
    yield "step", "script" if isinstance(step.do, Script) else "host"
    yield "when", step.when.value
    if step.timeout is not None:
        yield "timeout", _milliseconds(step.timeout)
    if step.silence_timeout is not None:
        yield "silence", _milliseconds(step.silence_timeout)
    if not isinstance(step.do, Script):
        return
    if step.background:
        yield "background", ""
    if step.reruns:
        yield "reruns", str(step.reruns)
        yield "pause", str(round(step.rerun_pause * 1000))
    yield "cwd", _text(step.working_directory or ".", "working_directory")
    for word in step.do.shell:
        yield "shell", _text(word, "shell")
    names = {**room.env, **step.env, **secrets, "FLOWFORGE_WORKSPACE": room.workspace}
    for name, value in names.items():
        yield "env", f"{_name(name)}={_text(value, name)}"
    yield "script", step.do.text


def _milliseconds(seconds: float) -> str:
    """At least one: 0 is the supervisor's word for no limit."""
    return str(max(1, round(seconds * 1000)))


def _text(value: str, field: str) -> str:
    if "\0" in value:
        raise BadInput(f"{field} holds a NUL character, which no process can be given", field=field)
    return value


def _name(name: str) -> str:
    if not name or "=" in name:
        raise BadInput(f"{name!r} cannot be the name of an environment variable", field="environment")
    return _text(name, "environment")
