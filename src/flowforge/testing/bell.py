"""The bell of one process needs no fake: it touches nothing outside."""

from flowforge.adapters.queue.bell import LocalBell as MemoryBell

__all__ = ["MemoryBell"]
