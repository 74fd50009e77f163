"""Where a secret counts, as options."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

import click

P = ParamSpec("P")
R = TypeVar("R")

KINDS = ("job", "forge_token", "webhook")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    project: str | None
    environment: str
    branch: str
    group: str
    kind: str

    def body(self) -> dict[str, str | None]:
        return {
            "project": self.project,
            "environment": self.environment,
            "branch": self.branch,
            "group": self.group,
            "kind": self.kind,
        }

    def is_of(self, secret: Mapping[str, object], name: str) -> bool:
        """Of a listing that has the project's secrets only, where there is one."""
        same = all(
            (secret.get(field) or "") == wanted for field, wanted in self.body().items() if field != "project"
        )
        of_project = secret.get("project") is not None
        return same and secret.get("name") == name and of_project == (self.project is not None)


def place_options(command: Callable[P, R]) -> Callable[P, R]:
    """`--project`, `--environment`, `--branch`, `--group` and `--kind`, as one `place`."""

    @click.option("--project", metavar="OWNER/NAME", help="Of this repository alone.")
    @click.option("--environment", default="", metavar="NAME", help="For jobs that deploy to it.")
    @click.option("--branch", default="", metavar="GLOB", help="For branches that match, such as release/*.")
    @click.option("--group", default="", metavar="NAME", help="For jobs that declare this group (a context).")
    @click.option(
        "--kind",
        type=click.Choice(KINDS),
        default="job",
        show_default=True,
        help="What it is for: jobs, or the server's own calls and webhooks.",
    )
    @wraps(command)
    def with_place(*args: P.args, **kwargs: P.kwargs) -> R:
        names = ("project", "environment", "branch", "group", "kind")
        taken = {name: kwargs.pop(name) for name in names}
        kwargs["place"] = Place(**taken)  # type: ignore[arg-type]
        return command(*args, **kwargs)

    return with_place
