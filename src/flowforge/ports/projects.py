"""Rows of repositories: what they define, what came from their forges."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from flowforge.model.delivery import Delivery, Tip
from flowforge.model.project import Pipeline, Project
from flowforge.model.schedule import Timer


class Projects(Protocol):
    def get(self, id: int) -> Project | None: ...
    def find(self, origin: str, native_id: str) -> Project | None: ...

    def named(self, name: str) -> Sequence[Project]:
        """Those called so now, then those called so formerly."""
        ...

    def cloned_from(self, url: str) -> Sequence[Project]:
        """Those with this clone URL, oldest first."""
        ...

    def save(self, project: Project) -> None:
        """Insert, or replace all but `last_number`."""
        ...

    def take_numbers(self, id: int, count: int = 1) -> range:
        """The project's next run numbers."""
        ...

    def newest(self, limit: int, *, after: int | None = None) -> Sequence[Project]:
        """By id descending; `after` is the last id of the page before."""
        ...


class Pipelines(Protocol):
    def get(self, id: int) -> Pipeline | None: ...
    def find(self, project_id: int, provider: str, path: str) -> Pipeline | None: ...
    def save(self, pipeline: Pipeline) -> None: ...
    def of(self, project_id: int) -> Sequence[Pipeline]: ...

    def following(self) -> Sequence[Pipeline]:
        """Those that start when another pipeline's run ends."""
        ...


class Timers(Protocol):
    """When schedules are due, one row for each schedule of a pipeline, by its name."""

    def replace(self, pipeline_id: int, timers: Sequence[Timer]) -> None:
        """All of a pipeline's; one whose schedule stayed as it was keeps the time it had."""
        ...

    def due(self, now: datetime, limit: int) -> Sequence[Timer]:
        """Earliest first; those that another transaction holds are left out."""
        ...

    def save(self, timer: Timer) -> None:
        """Replace an existing one; nothing where it is gone."""
        ...

    def drop(self, timer: Timer) -> None:
        """It comes no more."""
        ...

    def next_at(self) -> datetime | None:
        """When the earliest is due."""
        ...


class Deliveries(Protocol):
    def known(self, keys: Collection[str]) -> Mapping[str, Sequence[int]]:
        """Of these delivery keys, those that were recorded: the ids of the runs each started."""
        ...

    def tips(self, places: Collection[str]) -> Mapping[str, Tip]:
        """The newest delivery of each of these places, by place."""
        ...

    def add(self, deliveries: Sequence[Delivery]) -> None:
        """Each is the newest of its place from then on, the last one where several are of one place. A delivery key that
        is known raises `Conflict`."""
        ...

    def get(self, id: int) -> Delivery | None: ...

    def since(self, id: int, limit: int) -> Sequence[Delivery]:
        """Those behind `id`, oldest first."""
        ...
