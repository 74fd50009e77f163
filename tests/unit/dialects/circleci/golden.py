"""Golden pairs of the CircleCI dialect, read for a push.

    python -m tests.unit.dialects.circleci.golden

writes the expected side anew; read the difference before you commit it.
"""

from pathlib import Path

from flowforge.dialects.circleci import CIRCLECI
from flowforge.model.inputs import Given
from flowforge.model.trigger import Trigger, TriggerEvent
from tests.unit.dialects.native import golden

HERE = Path(__file__).parent
PUSH = Given(
    trigger=Trigger(
        event=TriggerEvent.PUSH,
        repository="acme/web",
        commit="c" * 40,
        ref="refs/heads/main",
        branch="main",
        title="Do it",
        author="ann",
    ),
    number=7,
    run_id=70,
)


def pipeline_of(source: Path) -> str:
    return golden.pipeline_of(source, CIRCLECI, PUSH)


def problems_of(source: Path) -> str:
    return golden.problems_of(source, CIRCLECI)


def main() -> None:
    for source in sorted((HERE / "ok").glob("*.yml")):
        source.with_suffix(".json").write_text(pipeline_of(source))
    for source in sorted((HERE / "err").glob("*.yml")):
        source.with_suffix(".out").write_text(problems_of(source))


if __name__ == "__main__":
    main()
