"""What the other end of a stream can show, and the few marks we make there."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TextIO

from flowforge.model.status import Status


class Colour(Enum):
    SHOWN = "shown"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """`moving` says that what was printed can be printed over: somebody watches."""

    out: TextIO
    colour: Colour
    moving: bool
    unicode: bool

    @classmethod
    def of(cls, out: TextIO, environ: Mapping[str, str]) -> "Terminal":
        watched = out.isatty() and environ.get("TERM") != "dumb"
        return cls(
            out=out,
            colour=_colour(environ, watched=watched),
            moving=watched,
            unicode=(out.encoding or "").lower().replace("-", "") == "utf8",
        )

    @property
    def width(self) -> int:
        """Asked anew each time: people pull at windows."""
        try:
            return os.get_terminal_size(self.out.fileno()).columns or 80
        except (OSError, ValueError):
            return shutil.get_terminal_size().columns

    def paint(self, text: str, *styles: str) -> str:
        if self.colour is Colour.HIDDEN or not text:
            return text
        return f"\x1b[{';'.join(_SGR[style] for style in styles)}m{text}\x1b[0m"

    def icon(self, status: Status) -> str:
        fancy, plain, style = _ICONS[status]
        return self.paint(fancy if self.unicode else plain, style)

    def status(self, status: Status) -> str:
        """Icon and word, in the status's colour."""
        fancy, plain, style = _ICONS[status]
        return self.paint(f"{fancy if self.unicode else plain} {status}", style)

    def allowed_failure(self) -> str:
        return self.paint(f"{'△' if self.unicode else '^'} failure (allowed)", "yellow")

    def write(self, text: str) -> None:
        """At once, also where the encoding lacks a character."""
        encoding = self.out.encoding or "utf-8"
        self.out.write(text.encode(encoding, "replace").decode(encoding))
        self.out.flush()


def _colour(environ: Mapping[str, str], *, watched: bool) -> Colour:
    if environ.get("NO_COLOR"):
        return Colour.HIDDEN
    if any(environ.get(name, "0") not in ("", "0") for name in ("CLICOLOR_FORCE", "FORCE_COLOR")):
        return Colour.SHOWN
    return Colour.SHOWN if watched and environ.get("CLICOLOR") != "0" else Colour.HIDDEN


_SGR = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}

_ICONS = {
    Status.PENDING: ("○", "o", "dim"),
    Status.WAITING: ("◇", "?", "yellow"),
    Status.RUNNING: ("●", "*", "blue"),
    Status.SUCCESS: ("✓", "+", "green"),
    Status.FAILURE: ("✗", "x", "red"),
    Status.CANCELLED: ("⊘", "!", "yellow"),
    Status.SKIPPED: ("↷", "-", "dim"),
    Status.UNKNOWN: ("·", ".", "dim"),
}
