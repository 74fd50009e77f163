"""The definitions of a project that a provider can run."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import FOLLOWING, pipelines
from flowforge.adapters.store.upsert import Upsert
from flowforge.model.project import Pipeline

_SHAPE = Shape(pipelines, Pipeline)
_c = pipelines.c

_GET = select(pipelines).where(_c.id == bindparam("id"))
_OF = select(pipelines).where(_c.project_id == bindparam("project_id")).order_by(_c.id)
_FIND = select(pipelines).where(
    _c.project_id == bindparam("project_id"),
    _c.provider == bindparam("provider"),
    _c.path == bindparam("path"),
)
_FOLLOWING = select(pipelines).where(FOLLOWING).order_by(_c.id)
_SAVE = Upsert(pipelines)


class SqlPipelines:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, id: int) -> Pipeline | None:
        return _SHAPE.optional(self._session.first(_GET, {"id": id}))

    def find(self, project_id: int, provider: str, path: str) -> Pipeline | None:
        keys = {"project_id": project_id, "provider": provider, "path": path}
        return _SHAPE.optional(self._session.first(_FIND, keys))

    def save(self, pipeline: Pipeline) -> None:
        self._session.upsert(_SAVE, _SHAPE.row(pipeline))

    def of(self, project_id: int) -> Sequence[Pipeline]:
        return _SHAPE.values(self._session.all(_OF, {"project_id": project_id}))

    def following(self) -> Sequence[Pipeline]:
        return _SHAPE.values(self._session.all(_FOLLOWING))
