"""Secrets: who they belong to, what they are for, and who asks for them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from flowforge.model.project import DEFAULT_ORGANISATION

LONGEST_VALUE = 64 * 1024
"""Bytes of a secret's value."""


class SecretKind(StrEnum):
    """What a secret is for. None can stand in for another: a job reads no token of the server's, and the server takes
    no job's secret for one of its tokens."""

    JOB = "job"
    FORGE_TOKEN = "forge_token"  # noqa: S105  a kind
    WEBHOOK = "webhook"


WEBHOOK_SECRET = "FLOWFORGE_WEBHOOK_SECRET"  # noqa: S105  a name
"""Of a project's own webhook secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretScope:
    """Who asks: a job of a project's run on a branch, deploying to an environment, with the groups it declares, the
    last of which wins. `trusted` is False for code of somebody who may not write to the repository: such a job gets
    none, whatever it declares."""

    organisation_id: int = DEFAULT_ORGANISATION
    project_id: int | None = None
    environment: str = ""
    branch: str = ""
    groups: tuple[str, ...] = ()
    trusted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A named value and where it counts: in the whole organisation (`project_id` None) or one project, in one
    environment or any (empty), on branches that match the glob `branch` or any (empty). One with a `group` counts for
    jobs that declare the group, and for no others. The narrowest one wins, see `engine.secret_choice`. `masked` is
    False for a value too short to be hidden in logs. The value is not here: it is sealed, and only a `Vault` opens it.
    """

    id: int
    organisation_id: int
    project_id: int | None
    kind: SecretKind = SecretKind.JOB
    name: str
    environment: str = ""
    branch: str = ""
    group: str = ""
    version: int = 1
    masked: bool = True
    created_at: datetime
    updated_at: datetime
    updated_by: str = ""

    @property
    def place(self) -> tuple[object, ...]:
        """What no two secrets share."""
        return (
            self.organisation_id,
            self.project_id,
            self.kind,
            self.name,
            self.environment,
            self.branch,
            self.group,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A secret's value, encrypted under a data key of its own; `wrapped` is that key, encrypted under the master key
    whose fingerprint `key` is."""

    key: str
    wrapped: bytes = field(repr=False)
    box: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKey:
    """What is known of a key that seals others; the key itself is in no database. One that is retired seals nothing
    any more, so no secret is lost when it is thrown away."""

    fingerprint: str
    version: int
    created_at: datetime
    created_by: str = ""
    retired_at: datetime | None = None
