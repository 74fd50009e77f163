"""`python -m bench [figure …] [--rounds N] [--json FILE]`."""

import argparse
import importlib
import sys
from pathlib import Path

from bench.machine import machine_line
from bench.report import as_json, markdown
from bench.results import Results

FIGURES = {
    "chain": 5,
    "warm": 5,
    "queue": 2,
    "first_command": 7,
    "webhook": 5,
    "cpu": 5,
    "logs": 3,
    "follow": 3,
    "start": 7,
    "listing": 5,
    "command_line": 5,
    "plan": 5,
}
"""Modules of `bench.figures`, with the rounds each is given when nobody says otherwise."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure FlowForge on this machine.")
    parser.add_argument("figure", nargs="*", help=f"of {', '.join(FIGURES)}; all of them when none is named")
    parser.add_argument("--rounds", type=int, help="samples of each row")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the samples there too")
    asked = parser.parse_args()
    if unknown := set(asked.figure) - set(FIGURES):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    results = Results()
    machine = f"before: {machine_line()}"
    for name in asked.figure or FIGURES:
        print(f"{name} …", file=sys.stderr, flush=True)
        importlib.import_module(f"bench.figures.{name}").measure(asked.rounds or FIGURES[name], results)
    machine += f"\nafter: {machine_line()}"
    print(f"{machine}\n\n{markdown(results)}")
    if asked.json:
        asked.json.write_text(as_json(results, machine), encoding="utf-8")
    if results.missed:
        print(f"\nmissed: {'; '.join(results.missed)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
