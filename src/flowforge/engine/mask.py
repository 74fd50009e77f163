"""Takes secret values out of a stream of bytes, in every spelling that logs show them in.

Every byte of every occurrence of a pattern is hidden; overlapping occurrences become one mark. Line breaks that wrap a
pattern stay, each line's part of it is a mark. What comes out depends on the bytes alone, never on how they were cut
into pieces.
"""

from collections.abc import Iterator, Mapping
from copy import copy

from flowforge.engine.mask_controls import Shadow, has_controls, shadow_of
from flowforge.engine.mask_heads import heads
from flowforge.engine.mask_patterns import maskable, patterns_of
from flowforge.engine.mask_search import needles, occurrences, spans
from flowforge.engine.mask_wraps import Span, wraps

MARK = b"***"
_CONTROL_BYTES = 4096


class Masker:
    """Of one stream, such as a step's output; `flush` ends it and makes ready for the next.

    Beside the bytes as they are, it looks at them without escape sequences and without line breaks, where these do not
    stretch a secret beyond four times the longest pattern and 4 KiB: so much may be held back at most.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets: dict[str, str] = {}
        self._waiting = b""
        self._later: list[Span] = []
        self.add(secrets)

    def add(self, secrets: Mapping[str, str]) -> None:
        """Hide these too, from the first byte on that was not shown yet."""
        self._secrets |= secrets
        known = self._secrets
        self.unmaskable = tuple(sorted(name for name, value in known.items() if not maskable(value)))
        spelled = frozenset(
            pattern for value in known.values() if maskable(value) for pattern in patterns_of(value)
        )
        self._wraps = wraps(spelled)
        rests = self._wraps.by_rest.keys()
        self._needles, self._heads = needles(spelled, divisible=rests), heads(spelled | rests)
        self._reach = 4 * self._heads.longest + _CONTROL_BYTES

    def hide(self, text: str) -> str:
        """A text that stands by itself, such as a reason; the stream takes no notice."""
        if not self._heads.longest:
            return text
        apart = copy(self)
        apart._waiting, apart._later = b"", []  # noqa: SLF001  its own
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
        return not self._later

    def feed(self, data: bytes) -> bytes:
        """What may be shown now."""
        if not self._heads.longest:
            return data
        buffer = self._waiting + data if self._waiting else data
        shadow = shadow_of(buffer) if has_controls(buffer) else None
        return self._show(buffer, shadow, self._undecided(buffer, shadow))

    def flush(self) -> bytes:
        """What is left, as nothing comes behind it."""
        buffer = self._waiting
        shown = self._show(buffer, shadow_of(buffer), len(buffer)) if buffer else b""
        self._later = []
        return shown

    def _undecided(self, buffer: bytes, shadow: Shadow | None) -> int:
        """From where on the buffer's end could be the beginning of a secret or of an escape sequence."""
        floor = max(0, len(buffer) - self._reach + 1)
        raw = min(next(self._heads.places(buffer, 0), len(buffer)), self._wraps.begun(buffer, floor))
        if shadow is None:
            return raw
        text, floor = shadow.text, shadow.place(floor)
        place = min(next(self._heads.places(text, floor), len(text)), self._wraps.begun(text, floor))
        behind = shadow.start(place) if place < len(text) else shadow.decided
        return min(shadow.whole(raw), behind, shadow.decided)

    def _found(self, buffer: bytes, shadow: Shadow | None) -> Iterator[list[Span]]:
        """The parts of every occurrence; only one over line breaks has several."""
        whole, divided = self._needles.possible(buffer)
        for span in spans(whole, buffer):
            yield [span]
        yield from self._wraps.spans(buffer, divided, self._counts)
        if shadow is not None:
            yield from self._found_in_shadow(shadow)

    def _found_in_shadow(self, shadow: Shadow) -> Iterator[list[Span]]:
        def counts(span: Span) -> bool:
            return self._counts(shadow.span(*span))

        whole, divided = self._needles.possible(shadow.text)
        for span in occurrences(whole, shadow.text):
            if counts(span):
                yield [shadow.span(*span)]
        for parts in self._wraps.spans(shadow.text, divided, counts):
            yield [shadow.span(*part) for part in parts]

    def _counts(self, span: Span) -> bool:
        return span[1] - span[0] <= self._reach

    def _show(self, buffer: bytes, shadow: Shadow | None, until: int) -> bytes:
        shown: list[bytes] = []
        hidden = 0
        begun = [span for parts in self._found(buffer, shadow) if parts[0][0] < until for span in parts]
        every = sorted({*self._later, *begun})
        for start, end in every:
            if start >= until:
                break
            if start >= hidden:
                shown += (buffer[hidden:start], MARK)
            hidden = max(hidden, end)
        shown.append(buffer[hidden:until])
        self._later = [(start - until, end - until) for start, end in every if end > until]
        self._waiting = buffer[until:]
        return b"".join(shown)
