"""Every store the port has, each empty and fresh for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flowforge.adapters.store import SqlStore, open_store
from flowforge.ports import Store
from flowforge.testing.store import MemoryStore
from tests.postgres import Cluster, postgres_cluster

__all__ = ["postgres_cluster"]


def _new_database(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    if kind == "sqlite":
        return f"sqlite:///{folder}/flowforge.db"
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    return cluster.database()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return _new_database(request.param, tmp_path, request)


@pytest.fixture
async def sql_store(url: str) -> AsyncIterator[SqlStore]:
    store = open_store(url)
    yield store
    await store.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    store: Store = (
        MemoryStore()
        if request.param == "memory"
        else open_store(_new_database(request.param, tmp_path, request))
    )
    yield store
    await store.close()
