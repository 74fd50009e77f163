"""Runs git: bounded in time, in output and in number, and ended with all its children."""

import asyncio
import os
import re
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from flowforge.errors import Bug, SourceUnavailable

_MOST_ERROR_TEXT = 64 * 1024
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
    """At most `limit` processes at a time."""

    def __init__(self, limit: int = 8) -> None:
        self._free = asyncio.Semaphore(limit)

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
            process = await _started(arguments, environment)
            try:
                async with asyncio.timeout(seconds):
                    return await _attend(process, most, watch)
            except TimeoutError as error:
                raise SourceUnavailable(f"git {arguments[0]} took longer than {seconds:g} s") from error
            finally:
                await _end(process)


async def _started(arguments: Sequence[str], environment: Mapping[str, str]) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            "git",
            *arguments,
            env=environment,
            cwd="/",
            start_new_session=True,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
    except FileNotFoundError as error:
        raise SourceUnavailable("git is not installed on this machine", final=True) from error


async def _attend(process: Process, most: int, watch: Watch) -> Result:
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_guard(process, watch))
        saying = group.create_task(_read_end(_pipe(process.stderr)))
        kept, cut = await _read_start(_pipe(process.stdout), most)
        if cut:
            _kill(process)
        code = await process.wait()
        said = await saying
        ended_because = watching.result() if watching.done() else ""
        watching.cancel()
    if ended_because:
        raise SourceUnavailable(ended_because, final=True)
    return Result(code=code, output=kept, error=_readable(said), cut=cut)


async def _guard(process: Process, watch: Watch) -> str:
    reason = await watch()
    if reason:
        _kill(process)
    return reason


def _pipe(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    if stream is None:
        raise Bug("a git process was started without pipes")
    return stream


async def _read_start(stream: asyncio.StreamReader, most: int) -> tuple[bytes, bool]:
    kept = bytearray()
    while chunk := await stream.read(1 << 16):
        kept += chunk
        if len(kept) > most:
            return bytes(kept[:most]), True
    return bytes(kept), False


async def _read_end(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while chunk := await stream.read(1 << 16):
        kept = (kept + chunk)[-_MOST_ERROR_TEXT:]
    return kept


def _readable(text: bytes) -> str:
    lines = (_CONTROL.sub(" ", line).strip() for line in text.decode(errors="replace").split("\n"))
    return "\n".join(line for line in lines if line)


def _kill(process: Process) -> None:
    """Its children too: git leaves the network to helpers, which outlive it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def _end(process: Process) -> None:
    _kill(process)
    await asyncio.shield(process.wait())
