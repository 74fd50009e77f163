"""Takes secret values out of a stream of bytes, in every spelling that logs show them in.

Every byte of every occurrence of a pattern is hidden; overlapping occurrences become one mark. What comes out depends
on the bytes alone, never on how they were cut into pieces.
"""

from collections.abc import Mapping
from copy import copy

from flowforge.engine.mask_controls import Shadow, has_controls, shadow_of
from flowforge.engine.mask_patterns import maskable, patterns_of
from flowforge.engine.mask_search import needles

MARK = b"***"
_CONTROL_BYTES = 4096


class Masker:
    """Of one stream, such as a step's output; `flush` ends it and makes ready for the next.

    Beside the bytes as they are, it looks at them without escape sequences, where these do not stretch a secret
    beyond four times the longest pattern and 4 KiB: so much may be held back at most.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets: dict[str, str] = {}
        self._waiting = b""
        self._hidden = 0
        self.add(secrets)

    def add(self, secrets: Mapping[str, str]) -> None:
        """Hide these too, from the first byte on that was not shown yet."""
        self._secrets |= secrets
        known = self._secrets
        self.unmaskable = tuple(sorted(name for name, value in known.items() if not maskable(value)))
        self._needles = needles(
            pattern for value in known.values() if maskable(value) for pattern in patterns_of(value)
        )
        self._reach = 4 * self._needles.longest + _CONTROL_BYTES

    def hide(self, text: str) -> str:
        """A text that stands by itself, such as a reason; the stream takes no notice."""
        if not self._needles.longest:
            return text
        apart = copy(self)
        apart._waiting, apart._hidden = b"", 0  # noqa: SLF001  its own
        raw = text.encode("utf-8", "surrogatepass")
        return (apart.feed(raw) + apart.flush()).decode("utf-8", "surrogatepass")

    @property
    def held(self) -> int:
        """How many bytes wait for what comes next."""
        return len(self._waiting)

    @property
    def clean(self) -> bool:
        """Whether a new masker that is fed from the first held byte on goes on exactly like this one. False only while
        a mark stands for bytes that may be the beginning of another one."""
        return self._hidden == 0

    def feed(self, data: bytes) -> bytes:
        """What may be shown now."""
        if not self._needles.longest:
            return data
        buffer = self._waiting + data if self._waiting else data
        shadow = shadow_of(buffer) if has_controls(buffer) else None
        return self._show(buffer, shadow, self._undecided(buffer, shadow))

    def flush(self) -> bytes:
        """What is left, as nothing comes behind it."""
        buffer = self._waiting
        shown = self._show(buffer, shadow_of(buffer), len(buffer)) if buffer else b""
        self._hidden = 0
        return shown

    def _undecided(self, buffer: bytes, shadow: Shadow | None) -> int:
        """From where on the buffer's end could be the beginning of a secret or of an escape sequence."""
        raw = self._needles.held(buffer, 0)
        if shadow is None:
            return raw
        place = self._needles.held(shadow.text, shadow.place(max(0, len(buffer) - self._reach + 1)))
        behind = shadow.start(place) if place < len(shadow.text) else shadow.decided
        return min(shadow.whole(raw), behind, shadow.decided)

    def _spans(self, buffer: bytes, shadow: Shadow | None) -> list[tuple[int, int]]:
        spans = self._needles.spans(buffer)
        if shadow is not None:
            for start, end in self._needles.occurrences(shadow.text):
                first, behind = shadow.start(start), shadow.start(end - 1) + 1
                if behind - first <= self._reach:
                    spans.append((first, behind))
        return sorted(spans)

    def _show(self, buffer: bytes, shadow: Shadow | None, until: int) -> bytes:
        shown: list[bytes] = []
        hidden = self._hidden
        for start, end in self._spans(buffer, shadow):
            if start >= until:
                break
            if start >= hidden:
                shown += (buffer[hidden:start], MARK)
            hidden = max(hidden, end)
        shown.append(buffer[hidden:until])
        self._hidden = max(0, hidden - until)
        self._waiting = buffer[until:]
        return b"".join(shown)
