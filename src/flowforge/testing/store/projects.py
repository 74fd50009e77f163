"""Projects and their pipelines."""

from collections.abc import Sequence
from dataclasses import replace

from flowforge.errors import Conflict, NotFound
from flowforge.model.project import Pipeline, Project
from flowforge.testing.store.tables import Tables, expect_owner


class MemoryProjects:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, id: int) -> Project | None:
        return self._tables.projects.get(id)

    def find(self, origin: str, native_id: str) -> Project | None:
        wanted = (origin, native_id)
        return next((p for p in self._tables.projects if (p.origin, p.native_id) == wanted), None)

    def named(self, name: str) -> Sequence[Project]:
        rows = sorted(self._tables.projects, key=lambda p: p.id)
        now = [p for p in rows if p.name == name]
        return (*now, *(p for p in rows if p.name != name and name in p.former_names))

    def cloned_from(self, url: str) -> Sequence[Project]:
        return sorted((p for p in self._tables.projects if p.clone_url == url), key=lambda p: p.id)

    def save(self, project: Project) -> None:
        other = self.find(project.origin, project.native_id)
        if other is not None and other.id != project.id:
            raise Conflict(f"project {other.id} is {project.origin} {project.native_id} already")
        old = self.get(project.id)
        kept = project if old is None else replace(project, last_number=old.last_number)
        self._tables.projects.put(project.id, kept)

    def take_numbers(self, id: int, count: int = 1) -> range:
        project = self.get(id)
        if project is None:
            raise NotFound("project", id)
        last = project.last_number + count
        self._tables.projects.put(id, replace(project, last_number=last))
        return range(project.last_number + 1, last + 1)

    def newest(self, limit: int, *, after: int | None = None) -> Sequence[Project]:
        rows = [p for p in self._tables.projects if after is None or p.id < after]
        return sorted(rows, key=lambda p: -p.id)[:limit]


class MemoryPipelines:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, id: int) -> Pipeline | None:
        return self._tables.pipelines.get(id)

    def find(self, project_id: int, provider: str, path: str) -> Pipeline | None:
        wanted = (project_id, provider, path)
        rows = self._tables.pipelines
        return next((p for p in rows if (p.project_id, p.provider, p.path) == wanted), None)

    def save(self, pipeline: Pipeline) -> None:
        expect_owner(pipeline.project_id in self._tables.projects, "project", pipeline.project_id)
        other = self.find(pipeline.project_id, pipeline.provider, pipeline.path)
        if other is not None and other.id != pipeline.id:
            raise Conflict(f"pipeline {other.id} is {pipeline.provider} {pipeline.path} already")
        self._tables.pipelines.put(pipeline.id, pipeline)

    def of(self, project_id: int) -> Sequence[Pipeline]:
        rows = [p for p in self._tables.pipelines if p.project_id == project_id]
        return sorted(rows, key=lambda p: p.id)

    def following(self) -> Sequence[Pipeline]:
        return sorted((p for p in self._tables.pipelines if p.upstreams), key=lambda p: p.id)
