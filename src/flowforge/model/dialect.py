"""A CI dialect as a record of pure functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flowforge.model.inputs import Given
from flowforge.model.pipeline_config import Parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """`globs` are the repository paths the dialect is read from, best first; `parse(text, path, given)` never raises on
    text. `env` is what it tells every step about its run, beside what all dialects tell."""

    name: str
    globs: tuple[str, ...]
    parse: Callable[[str, str, Given], Parsed]
    env: Callable[[Given], Mapping[str, str]]
