"""Whether an executor can work here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """`engine` is what answered, with its version; `reason` says in one sentence why not, and what to set."""

    usable: bool
    engine: str = ""
    reason: str = ""
