"""The store on SQLite and PostgreSQL: `open_store` is the way in."""

from flowforge.adapters.store.opening import open_store
from flowforge.adapters.store.store import SqlStore

__all__ = ["SqlStore", "open_store"]
