"""How far an attempt's log got: what a runner needs to go on after it was killed."""

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A finished step's part of the log, `start` to `end`, and how many `raw` bytes the step had written."""

    start: int
    end: int
    raw: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Of the steps as they are watched, number `len(sections)` is under way: its section begins at `start`; its first
    `raw` bytes are masked and stored, and take the log up to `stored`. A new masker may begin there."""

    sections: tuple[Section, ...] = field(default=())
    start: int = 0
    raw: int = 0
    stored: int = 0

    @property
    def step(self) -> int:
        return len(self.sections)

    def text(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """The reverse of `text`. What cannot be read, an empty note included, is the beginning: everything is read and
        masked again, and the server skips what it has."""
        try:
            known = json.loads(text)
            sections = tuple(Section(**section) for section in known.pop("sections"))
            checkpoint = cls(sections=sections, **known)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()
        return checkpoint

    def finished(self, raw: int, stored: int) -> "Checkpoint":
        """At the end of the step that is under way."""
        section = Section(start=self.start, end=stored, raw=raw)
        return Checkpoint(sections=(*self.sections, section), start=stored, stored=stored)
