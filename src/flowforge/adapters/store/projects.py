"""Projects, by id, by forge and by every name they ever had."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, insert, select, update

from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import project_names, projects
from flowforge.adapters.store.upsert import Upsert
from flowforge.errors import NotFound
from flowforge.model.project import Project

_SHAPE = Shape(projects, Project)
_c = projects.c

_GET = select(projects).where(_c.id == bindparam("id"))
_FIND = select(projects).where(_c.origin == bindparam("origin"), _c.native_id == bindparam("native_id"))
_NAMED = select(projects).where(_c.name == bindparam("name")).order_by(_c.id)
_CLONED_FROM = select(projects).where(_c.clone_url == bindparam("url")).order_by(_c.id)
_ONCE_NAMED = (
    select(projects)
    .join(project_names, project_names.c.project_id == _c.id)
    .where(project_names.c.name == bindparam("name"), _c.name != bindparam("name"))
    .order_by(_c.id)
)
_NEWEST = select(projects).where(_c.id < bindparam("after")).order_by(_c.id.desc()).limit(bindparam("limit"))
_SAVE = Upsert(projects, kept=("last_number",))
_FORGET_NAMES = delete(project_names).where(project_names.c.project_id == bindparam("project_id"))
_ADD_NAMES = insert(project_names)
_TAKE = (
    update(projects)
    .where(_c.id == bindparam("project"))
    .values(last_number=_c.last_number + bindparam("count"))
    .returning(_c.last_number)
)
_END = 2**62


class SqlProjects:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, id: int) -> Project | None:
        return _SHAPE.optional(self._session.first(_GET, {"id": id}))

    def find(self, origin: str, native_id: str) -> Project | None:
        return _SHAPE.optional(self._session.first(_FIND, {"origin": origin, "native_id": native_id}))

    def named(self, name: str) -> Sequence[Project]:
        found = (*self._session.all(_NAMED, {"name": name}), *self._session.all(_ONCE_NAMED, {"name": name}))
        return _SHAPE.values(found)

    def cloned_from(self, url: str) -> Sequence[Project]:
        return _SHAPE.values(self._session.all(_CLONED_FROM, {"url": url}))

    def save(self, project: Project) -> None:
        self._session.upsert(_SAVE, _SHAPE.row(project))
        self._session.change(_FORGET_NAMES, {"project_id": project.id})
        names = [{"project_id": project.id, "name": name} for name in dict.fromkeys(project.former_names)]
        if names:
            self._session.change(_ADD_NAMES, names)

    def take_numbers(self, id: int, count: int = 1) -> range:
        last = self._session.change(_TAKE, {"project": id, "count": count}).scalar()
        if last is None:
            raise NotFound("project", id)
        return range(last - count + 1, last + 1)

    def newest(self, limit: int, *, after: int | None = None) -> Sequence[Project]:
        page = {"after": _END if after is None else after, "limit": limit}
        return _SHAPE.values(self._session.all(_NEWEST, page))
