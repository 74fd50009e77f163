"""How one function of a batch ended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowforge.ports import Tx

Work = Callable[[Tx], Any]


@dataclass(frozen=True, slots=True)
class Done:
    value: object


@dataclass(frozen=True, slots=True)
class Failed:
    error: Exception


Outcome = Done | Failed
