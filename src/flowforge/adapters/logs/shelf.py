"""Which log files are in use, and which of them may keep their handles open."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from weakref import WeakValueDictionary

from flowforge.adapters.logs.file import LogFile
from flowforge.model.attempt import AttemptKey


class OpenLog(LogFile):
    """A log file as the event loop sees it. `changed` is set, and replaced by a new one, when there may be more to read."""

    def __init__(self, folder: Path, key: AttemptKey) -> None:
        super().__init__(folder, key)
        self.key = key
        self.appending = asyncio.Lock()
        self.changed = asyncio.Event()

    def tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Shelf:
    """One `OpenLog` for each key that anybody holds, so that nobody ever has a second one of the same file; the
    `capacity` last used are kept also when nobody does, and are the only ones whose handles stay open."""

    def __init__(self, folder: Path, capacity: int, let_go: Callable[[OpenLog], object]) -> None:
        self._folder = folder
        self._capacity = capacity
        self._let_go = let_go
        self._held: WeakValueDictionary[AttemptKey, OpenLog] = WeakValueDictionary()
        self._recent: OrderedDict[AttemptKey, OpenLog] = OrderedDict()

    def take(self, key: AttemptKey) -> OpenLog:
        log = self._held.get(key)
        if log is None:
            log = self._held[key] = OpenLog(self._folder, key)
        return log

    def touch(self, log: OpenLog) -> None:
        """It is about to be used."""
        if self._held.get(log.key) is not log:
            return
        self._recent[log.key] = log
        self._recent.move_to_end(log.key)
        if len(self._recent) > self._capacity:
            self._let_go(self._recent.popitem(last=False)[1])

    def clear(self) -> None:
        while self._recent:
            self._let_go(self._recent.popitem()[1])

    def forget(self, run: int) -> list[OpenLog]:
        """Everything of a run that is in use; later calls of `take` begin anew."""
        logs = [log for log in list(self._held.values()) if log.key.run == run]
        for log in logs:
            self._recent.pop(log.key, None)
            del self._held[log.key]
        return logs
