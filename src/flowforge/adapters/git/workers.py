"""Blocking work in threads that can be ended from outside: by its deadline, or because nobody waits any more."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TypeVar

from flowforge.errors import SourceUnavailable

T = TypeVar("T")


class Abort:
    """Pulled once, by any thread; the work notices at its next `check`, or because its git process died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._reason = ""

    def pull(self, reason: str) -> None:
        with self._lock:
            self._reason = self._reason or reason
            for process in self._running:
                _kill(process)

    def check(self) -> None:
        if self._reason:
            raise SourceUnavailable(self._reason)

    @contextmanager
    def guarding(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """The process is gone when the block is left, however that happens."""
        with self._lock:
            self._running.add(process)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._running.discard(process)
            _kill(process)
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


class Workers:
    """At most `at_once` pieces of blocking work at a time, each in a thread and with a deadline of its own."""

    def __init__(self, at_once: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="git")

    async def run(self, work: Callable[[Abort], T], seconds: float) -> T:
        """Waiting for a turn does not count. A cancelled caller waits until the thread has let go of everything."""
        async with self._free:
            loop = asyncio.get_running_loop()
            abort = Abort()
            timer = loop.call_later(seconds, abort.pull, f"placing the files took longer than {seconds:g} s")
            done = loop.run_in_executor(self._pool, work, abort)
            try:
                return await asyncio.shield(done)
            except asyncio.CancelledError:
                abort.pull("nobody waits for the files any more")
                await asyncio.wait({done})
                done.exception()
                raise
            finally:
                timer.cancel()

    def close(self) -> None:
        self._pool.shutdown()
