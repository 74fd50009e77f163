"""Golden pairs of the native dialect: `ok/*.yml` with the pipeline as JSON, `err/*.yml` with every problem on a line.

    python -m tests.unit.dialects.native.golden

writes the expected side anew; read the difference before you commit it.
"""

import dataclasses
import json
from pathlib import Path

from flowforge.dialects.native import NATIVE
from flowforge.model.problem import Problem

HERE = Path(__file__).parent
PATH = ".flowforge/ci.yml"


def pipeline_of(source: Path) -> str:
    parsed = NATIVE.parse(source.read_text(), PATH)
    assert parsed.pipeline is not None, [str(problem) for problem in parsed.problems]
    value = {**dataclasses.asdict(parsed.pipeline), "warnings": [shown(each) for each in parsed.problems]}
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def problems_of(source: Path) -> str:
    text = source.read_bytes().decode(errors="surrogateescape")
    return "".join(f"{shown(problem)}\n" for problem in NATIVE.parse(text, PATH).problems)


def shown(problem: Problem) -> str:
    place = f"{problem.mark.line}:{problem.mark.column}"
    return f"{place}: {problem.severity}: {problem.message} ({problem.hint}) [{problem.code}]"


def main() -> None:
    for source in sorted((HERE / "ok").glob("*.yml")):
        source.with_suffix(".json").write_text(pipeline_of(source))
    for source in sorted((HERE / "err").glob("*.yml")):
        source.with_suffix(".out").write_text(problems_of(source))


if __name__ == "__main__":
    main()
