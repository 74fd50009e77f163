"""Tells when something happens in a folder: at once where the kernel says so (inotify), else by looking often.

One descriptor serves all rooms of an executor, and a room in which nothing happens costs nothing.
"""

import asyncio
import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Self

IN_MODIFY, IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE = 0x2, 0x8, 0x80, 0x100
_EVENT = struct.Struct("iIII")
# Changes may go unannounced (a folder shared with a virtual machine): look now and then anyhow.
LONGEST_WAIT = 2.0
SHORTEST_LOOK, LONGEST_LOOK = 0.002, 0.05


class Changes:
    """Of one folder."""

    def __init__(self, *, announced: bool) -> None:
        self._event = asyncio.Event()
        self._announced = announced
        self._pause = SHORTEST_LOOK

    def happened(self) -> None:
        self._event.set()

    def clear(self) -> None:
        """Call before looking, so that what happens meanwhile ends the next wait at once."""
        self._event.clear()

    def found(self) -> None:
        """There was something to see: look again soon."""
        self._pause = SHORTEST_LOOK

    async def wait(self) -> None:
        """Until something happens, or may have."""
        limit = LONGEST_WAIT if self._announced else self._pause
        self._pause = min(self._pause * 2, LONGEST_LOOK)
        try:
            async with asyncio.timeout(limit):
                await self._event.wait()
        except TimeoutError:
            return


class FolderWatch:
    """Belongs to one event loop. Holds a descriptor only while it watches, and within `with`: to close one and make another
    for each job costs the kernel more than a job does."""

    def __init__(self) -> None:
        self._fd = -1
        self._kept = False
        self._changes: dict[int, Changes] = {}

    def __enter__(self) -> Self:
        self._kept = True
        return self

    def __exit__(self, *_: object) -> None:
        self._kept = False
        if not self._changes:
            self._close()

    @contextmanager
    def watch(self, folder: Path) -> Iterator[Changes]:
        watch = self._add(folder)
        changes = Changes(announced=watch >= 0)
        if watch >= 0:
            self._changes[watch] = changes
        try:
            yield changes
        finally:
            if self._changes.pop(watch, None) is not None and self._fd >= 0:
                _libc().inotify_rm_watch(self._fd, watch)
            if not self._changes and not self._kept:
                self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
        self._fd = -1

    def _add(self, folder: Path) -> int:
        """A watch's number, or -1 where there is no inotify, or no more of it to be had."""
        if not sys.platform.startswith("linux"):
            return -1
        if self._fd < 0:
            self._fd = _libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            if self._fd < 0:
                return -1
            asyncio.get_running_loop().add_reader(self._fd, self._announce)
        mask = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE
        return int(_libc().inotify_add_watch(self._fd, os.fsencode(folder), mask))

    def _announce(self) -> None:
        try:
            data = os.read(self._fd, 1 << 16)
        except BlockingIOError:
            return
        at, seen = 0, set()
        while at < len(data):
            watch, _, _, length = _EVENT.unpack_from(data, at)
            seen.add(watch)
            at += _EVENT.size + length
        # -1 stands for a queue that ran over: anything may have happened.
        for watch in self._changes if -1 in seen else seen & self._changes.keys():
            self._changes[watch].happened()


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
