"""Runs git: bounded in time, in output and in number, and ended with all its children."""

import asyncio
import os
import re
import selectors
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from flowforge.adapters.git.workers import Abort
from flowforge.errors import Bug, SourceUnavailable
from flowforge.tasks import plainly

_MOST_ERROR_TEXT = 64 * 1024
_CHUNK = 1 << 16
_LOOK_SECONDS = 0.5
"""A helper that outlives git may hold its pipes open: so long after it was given up, reading ends."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

Watch = Callable[[], Awaitable[str]]
"""Runs beside a process. Answers why the process has to end, or nothing where it may go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`cut` says that there was more output than asked for."""

    code: int
    output: bytes
    error: str
    cut: bool = False


async def _no_objection() -> str:
    return ""


class Git:
    """At most `limit` processes at a time, each attended by a thread: a fork of the event loop would copy the page tables
    of the whole server, while `subprocess` borrows them."""

    def __init__(self, limit: int = 8) -> None:
        self._free = asyncio.Semaphore(limit)
        self._threads = ThreadPoolExecutor(limit, thread_name_prefix="git-command")

    async def run(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        seconds: float,
        most: int = 1 << 20,
        watch: Watch = _no_objection,
    ) -> Result:
        """Raises `SourceUnavailable` when it takes longer than `seconds`, waiting for its turn not counted."""
        async with self._free:
            abort = Abort()
            loop = asyncio.get_running_loop()
            done = loop.run_in_executor(self._threads, _attend, arguments, environment, most, abort)
            try:
                async with asyncio.timeout(seconds):
                    return await _watched(done, abort, watch)
            except TimeoutError as error:
                raise SourceUnavailable(f"git {arguments[0]} took longer than {seconds:g} s") from error
            finally:
                abort.pull("nobody waits for it any more")
                await asyncio.shield(asyncio.wait({done}))
                done.exception()


@plainly
async def _watched(done: asyncio.Future[Result], abort: Abort, watch: Watch) -> Result:
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_guard(abort, watch))
        await asyncio.wait({done})
        ended_because = watching.result() if watching.done() else ""
        watching.cancel()
    if ended_because:
        raise SourceUnavailable(ended_because, final=True)
    return done.result()


async def _guard(abort: Abort, watch: Watch) -> str:
    reason = await watch()
    if reason:
        abort.pull(reason)
    return reason


def _attend(arguments: Sequence[str], environment: Mapping[str, str], most: int, abort: Abort) -> Result:
    """Blocking, until the process and its children are gone, or `abort` was pulled."""
    process = _started(arguments, environment)
    with process, abort.guarding(process):
        said = _Said(most)
        said.read(process, abort)
        # Not reaped yet: its number is still its own, and its group's.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        _kill(process)
        return Result(
            code=process.wait(), output=bytes(said.kept), error=_readable(bytes(said.complaint)), cut=said.cut
        )


def _started(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            ("git", *arguments), env=environment, cwd="/", start_new_session=True, bufsize=0,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise SourceUnavailable("git is not installed on this machine", final=True) from error


class _Said:
    """The first of what a process prints, and the last of what it complains of."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.kept = bytearray()
        self.complaint = bytearray()
        self.cut = False

    def read(self, process: subprocess.Popen[bytes], abort: Abort) -> None:
        if process.stdout is None or process.stderr is None:
            raise Bug("a git process was started without pipes")
        takers = {process.stdout.fileno(): self._take, process.stderr.fileno(): self._complain}
        with selectors.DefaultSelector() as selector:
            for fd, taker in takers.items():
                selector.register(fd, selectors.EVENT_READ, taker)
            while selector.get_map():
                for key, _ in selector.select(_LOOK_SECONDS):
                    chunk = os.read(key.fd, _CHUNK)
                    key.data(chunk)
                    if not chunk:
                        selector.unregister(key.fd)
                    if self.cut:
                        _kill(process)
                        return
                abort.check()

    def _take(self, chunk: bytes) -> None:
        self.kept += chunk
        self.cut = len(self.kept) > self._most
        del self.kept[self._most :]

    def _complain(self, chunk: bytes) -> None:
        self.complaint += chunk
        del self.complaint[:-_MOST_ERROR_TEXT]


def _readable(text: bytes) -> str:
    lines = (_CONTROL.sub(" ", line).strip() for line in text.decode(errors="replace").split("\n"))
    return "\n".join(line for line in lines if line)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Its children too: git leaves the network to helpers, which outlive it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
