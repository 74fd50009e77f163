"""What differs between dialects that share this grammar."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from flowforge.dialects.findings import Findings
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.values import pipeline_values
from flowforge.dialects.native.vocabulary import Words
from flowforge.dialects.node import Map
from flowforge.model.inputs import Given, InputValue
from flowforge.model.service_spec import ServiceReach


class Tags(Enum):
    """What becomes of a job without a word about tags when a tag is pushed."""

    TAKEN = "taken"
    LEFT_OUT = "left_out"


class Repeats(Enum):
    """A job that stands twice in a workflow under one name."""

    REFUSED = "refused"
    NUMBERED = "numbered"


class Cloning(Enum):
    """Who brings the files of a job without a `checkout` step."""

    BY_ITSELF = "by_itself"
    BY_STEP_ONLY = "by_step_only"


def _nothing(_: Given) -> Mapping[str, str]:
    return {}


def _all_right(_body: Map, _findings: Findings) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """`silence` is how long a step may say nothing where it does not say so itself. `folder` turns a folder as the
    dialect writes it into one of ours, `job_folder` that of a whole job; `job_variable` is the name of the variable with
    the job's name, and `node_prefixes` begin those that number the parts of a job. `check` looks at what the dialect alone
    has at the top level."""

    name: str
    versions: tuple[str, ...]
    words: Words
    values: Callable[[Given], Mapping[str, InputValue]] = pipeline_values
    env: Callable[[Given], Mapping[str, str]] = _nothing
    check: Callable[[Map, Findings], None] = _all_right
    folder: Callable[[str], str] = str
    job_folder: Callable[[str], str] = str
    tags: Tags = Tags.TAKEN
    repeats: Repeats = Repeats.REFUSED
    cloning: Cloning = Cloning.BY_ITSELF
    reach: ServiceReach = ServiceReach.BY_NAME
    silence: float | None = None
    job_variable: str = ""
    node_prefixes: tuple[str, ...] = ("FLOWFORGE_",)


NATIVE_GRAMMAR = Grammar(name="native", versions=("1", "2", "2.1"), words=vocabulary.NATIVE)
