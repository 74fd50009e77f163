"""Reads one step's output, which the supervisor writes into segments of a fixed size."""

import os
import stat

from flowforge.adapters.executors.room_folder import READ, RoomFolder, Tampered

SEGMENT = 16 << 20
CHUNK = 256 << 10


class LogTail:
    """Blocking: call from a worker thread. Bytes are addressed by their offset from the step's start."""

    def __init__(self, folder: RoomFolder, step: int, since: int) -> None:
        self.offset = since
        self._folder = folder
        self._step = step
        self._segment = -1
        self._fd = -1
        self._seen = 0  # bytes of the open segment
        self._forgotten = 0

    def read(self) -> bytes:
        """The next bytes, none when there are none yet. Raises `Tampered` when what was there is not any more."""
        segment, position = divmod(self.offset, SEGMENT)
        if segment != self._segment and not self._open(segment):
            return b""
        data = os.pread(self._fd, min(CHUNK, SEGMENT - position), position)
        if not data:
            self._check()
        else:
            self._seen = position + len(data)
        self.offset += len(data)
        return data

    def forget(self, upto: int) -> None:
        """Delete the segments that lie wholly before `upto`."""
        while (self._forgotten + 1) * SEGMENT <= min(upto, self.offset):
            self._folder.remove(self._name(self._forgotten))
            self._forgotten += 1

    def check_end(self, size: int) -> None:
        """Everything was read, and the supervisor wrote `size` bytes: raises `Tampered` if these do not agree."""
        if self.offset != size:
            raise Tampered(f"step {self._step} wrote {size} bytes of output, but {self.offset} are there")
        if self._fd >= 0 and not self._in_place():
            raise Tampered(f"the log of step {self._step} was replaced")

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _name(self, segment: int) -> str:
        return f"{self._step}.{segment}.log"

    def _open(self, segment: int) -> bool:
        try:
            fd = os.open(self._name(segment), READ, dir_fd=self._folder.fd)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise Tampered(f"the log of step {self._step} was replaced by something else") from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise Tampered(f"the log of step {self._step} was replaced by something else")
        self.close()
        self._fd, self._segment, self._seen = fd, segment, 0
        return True

    def _in_place(self) -> bool:
        try:
            there = os.stat(self._name(self._segment), dir_fd=self._folder.fd, follow_symlinks=False)
        except FileNotFoundError:
            return self._segment < self._forgotten
        return os.path.samestat(there, os.fstat(self._fd))

    def _check(self) -> None:
        status = os.fstat(self._fd)
        if status.st_size < self._seen:
            raise Tampered(f"the log of step {self._step} shrank")
        if status.st_nlink == 0:
            raise Tampered(f"the log of step {self._step} was replaced")
