"""The name of a secret. A value never enters a pipeline, a plan or an order."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """`name` is both the secret's name in the vault and the variable the job sees."""

    name: str
