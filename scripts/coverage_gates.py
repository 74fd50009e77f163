"""Fails where measured coverage lies below what this project promises.

Reads the file that `coverage json` wrote: coverage_gates.py [coverage.json]
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """`folder` is a part of the measured path; at least `percent` of its statements and branches were run."""

    folder: str
    percent: float


GATES = (
    Gate(folder="flowforge/", percent=85),
    Gate(folder="flowforge/engine/", percent=100),
    Gate(folder="flowforge/dialects/", percent=100),
)


def percent_covered(summaries: Iterable[Mapping[str, int]]) -> float:
    covered = possible = 0
    for summary in summaries:
        covered += summary["covered_lines"] + summary["covered_branches"]
        possible += summary["num_statements"] + summary["num_branches"]
    return 100.0 if possible == 0 else 100 * covered / possible


def missed(gate: Gate, files: Mapping[str, Any]) -> str:
    """What to say about a gate that is not reached; empty where it is."""
    below = {path: entry for path, entry in files.items() if gate.folder in path}
    if not below:
        return f"{gate.folder}: nothing was measured"
    percent = percent_covered(entry["summary"] for entry in below.values())
    if percent >= gate.percent:
        return ""
    worst = sorted(below, key=lambda path: percent_covered([below[path]["summary"]]))[:5]
    head = f"{gate.folder}: {percent:.1f} %, and it must be {gate.percent:g} %"
    return "\n".join([head, *(_gaps(path, below[path]) for path in worst)])


def _gaps(path: str, entry: Mapping[str, Any]) -> str:
    return f"  {path}: lines {_shown(entry['missing_lines'])}, branches {_shown(entry.get('missing_branches', []))}"


def _shown(places: list[Any]) -> str:
    return "none" if not places else str(places[:12])


def main(arguments: list[str]) -> int:
    report = json.loads(Path(arguments[0] if arguments else "coverage.json").read_text())
    misses = [text for gate in GATES if (text := missed(gate, report["files"]))]
    for text in misses:
        sys.stderr.write(f"coverage gate missed: {text}\n")
    if not misses:
        sys.stdout.write(f"all {len(GATES)} coverage gates reached\n")
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
