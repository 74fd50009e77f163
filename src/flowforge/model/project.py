"""Who owns things, and a repository as FlowForge knows it."""

from dataclasses import dataclass
from datetime import datetime

from flowforge.model.inputs import InputSpec
from flowforge.model.schedule import Upstream

DEFAULT_ORGANISATION = 1
"""The id of the organisation that exists from the first migration on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    id: int
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """`origin` is the forge (`https://github.com`) and `native_id` the forge's own id of the repository, so that a
    rename loses nothing; `name` is `owner/repo` now, `former_names` what it was called before."""

    id: int
    organisation_id: int
    forge: str
    origin: str
    native_id: str
    name: str
    former_names: tuple[str, ...] = ()
    clone_url: str
    default_branch: str = ""
    last_number: int = 0
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A definition that a provider can run: here, one config file of one project. `inputs` and `upstreams` are what it
    said when it was last read on the default branch, by the run `defined_by`."""

    id: int
    organisation_id: int
    project_id: int
    provider: str
    path: str
    name: str
    inputs: tuple[InputSpec, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    defined_by: int = 0
    created_at: datetime
