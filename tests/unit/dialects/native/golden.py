"""Golden pairs of the native dialect: `ok/*.yml` with the pipeline as JSON, `err/*.yml` with every problem on a line.

    python -m tests.unit.dialects.native.golden

writes the expected side anew; read the difference before you commit it.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowforge.dialects.native import NATIVE
from flowforge.model.dialect import Dialect
from flowforge.model.inputs import NOTHING_GIVEN, Given
from flowforge.model.problem import Problem

HERE = Path(__file__).parent
PATH = ".flowforge/ci.yml"


def pipeline_of(source: Path, dialect: Dialect = NATIVE, given: Given = NOTHING_GIVEN) -> str:
    parsed = dialect.parse(source.read_text(), PATH, given)
    assert parsed.pipeline is not None, [str(problem) for problem in parsed.problems]
    value = {**told(parsed.pipeline), "warnings": [shown(each) for each in parsed.problems]}
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def told(value: object) -> Any:
    """What differs from the model's defaults, so that a new field leaves the pairs that do not use it alone."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {field.name: told(found) for field, found in fields if found != _default(field)}
    if isinstance(value, tuple):
        return [told(each) for each in value]
    if isinstance(value, Mapping):
        return {key: told(each) for key, each in value.items()}
    return value


def _default(field: "dataclasses.Field[Any]") -> object:
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


def problems_of(source: Path, dialect: Dialect = NATIVE) -> str:
    text = source.read_bytes().decode(errors="surrogateescape")
    return "".join(f"{shown(problem)}\n" for problem in dialect.parse(text, PATH, NOTHING_GIVEN).problems)


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
