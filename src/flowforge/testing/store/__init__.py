"""The store in memory: every noun of the port, with each write undone as a whole when it raises."""

from flowforge.testing.store.memory import MemoryStore

__all__ = ["MemoryStore"]
