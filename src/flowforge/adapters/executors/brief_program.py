"""Programs that end soon and whose word is wanted, from a worker thread."""

import os
import select
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress


def run_briefly(command: Sequence[str], seconds: float) -> tuple[int, str]:
    """Its exit code, and what it said on stderr. Raises `subprocess.TimeoutExpired`; it is killed then. Not for the event
    loop: its fork copies the page tables of the whole server, which costs more than all else of a small job."""
    # Into a file: a pipe stays open in what the program leaves running, so its end would never come.
    with tempfile.TemporaryFile() as complaint:
        process = subprocess.Popen(
            command, cwd="/", env={}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=complaint
        )
        try:
            _until_over(process, seconds)
            code = process.wait(0 if process.poll() is None else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise subprocess.TimeoutExpired(command, seconds) from None
        complaint.seek(0)
        return code, complaint.read().decode(errors="replace")


def _until_over(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Without the ever longer naps of `subprocess` where the kernel tells (Linux)."""
    with suppress(AttributeError, OSError):
        handle = os.pidfd_open(process.pid)
        try:
            waiting = select.poll()
            waiting.register(handle, select.POLLIN)
            waiting.poll(seconds * 1000)
        finally:
            os.close(handle)
        return
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
