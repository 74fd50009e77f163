"""Writes docs/reference/states.md from the engine's tables; `--check` only says whether it is current."""

import sys
from pathlib import Path

from flowforge.engine.machine import JOB_TABLE, RUN_TABLE
from flowforge.engine.state import Phase, RunPhase

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "states.md"

HEAD = """# How a run and its jobs move

Written by `make docs` from the tables in `src/flowforge/engine/machine.py`; change them there.

A row is a phase, a column something that happens, a cell the rule that answers it. An empty cell means that it changes nothing:
that is how late, repeated and impossible reports end. The rules are told at the top of the module.

What people see is the status: a job is `pending` while it is blocked, queued or ready, `waiting` while a person must open
it, `running` while it is running or stopping, and has one of `success`, `failure`, `cancelled` and `skipped` for good once
it is over. A run is `waiting` while it is held for an approval, or while all that is open in it waits for people.
"""


def page() -> str:
    return "\n".join(
        (HEAD, "## A job\n", *_table(Phase, JOB_TABLE), "\n## A run\n", *_table(RunPhase, RUN_TABLE), "")
    )


def _table(phases: type[Phase] | type[RunPhase], table: object) -> list[str]:
    known = {(phase.value, event.__name__): rule.__name__ for (phase, event), rule in dict(table).items()}
    events = list(dict.fromkeys(event for _, event in known))
    head = ["| phase | " + " | ".join(events) + " |", "|---" * (len(events) + 1) + "|"]
    rows = (
        f"| {phase.value} | "
        + " | ".join(_cell(known.get((phase.value, event), "")) for event in events)
        + " |"
        for phase in phases
    )
    return [*head, *rows]


def _cell(rule: str) -> str:
    return rule.strip("_").replace("_", " ")


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        return 0 if PAGE.read_text() == page() else 1
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
