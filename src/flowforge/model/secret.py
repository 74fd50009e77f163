"""Secrets: who they belong to, and who asks for them."""

from dataclasses import dataclass
from datetime import datetime

from flowforge.model.project import DEFAULT_ORGANISATION


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretScope:
    """Who asks: a job of a project's run on a branch, deploying to an environment. `trusted` is False for code of
    somebody who may not write to the repository: such a job gets none, whatever it declares."""

    organisation_id: int = DEFAULT_ORGANISATION
    project_id: int | None = None
    environment: str = ""
    branch: str = ""
    trusted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A named value and where it counts: in the whole organisation (`project_id` None) or one project, in one
    environment or any (empty), on branches that match the glob `branch` or any (empty). The narrowest one wins.
    The value is not here: it is sealed, and only a `Vault` opens it."""

    id: int
    organisation_id: int
    project_id: int | None
    name: str
    environment: str = ""
    branch: str = ""
    version: int = 1
    created_at: datetime
    updated_at: datetime
    updated_by: str = ""
