"""Addresses of pages, for people and forges."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Links:
    """`base` is the server's public address without a slash at its end."""

    base: str

    def run(self, run_id: int) -> str:
        return f"{self.base}/ui/pipelines/{run_id}"
