"""From a step's bytes, cut anywhere, to its lines."""

import codecs

LONGEST_LINE = 64 * 1024
"""A longer one is shown in pieces."""


class StepLines:
    """Whole lines as they become whole, each with its newline; `rest` is the one that has begun."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.rest = ""

    def feed(self, data: bytes) -> list[str]:
        text = self.rest + self._decoder.decode(data)
        lines = text.split("\n")
        self.rest = lines.pop()
        whole = [f"{line}\n" for line in lines]
        if len(self.rest) > LONGEST_LINE:
            whole.append(self.rest)
            self.rest = ""
        return whole

    def end(self) -> list[str]:
        text, self.rest = self.rest + self._decoder.decode(b"", final=True), ""
        return [text] if text else []


def as_shown(line: str) -> str:
    """What is left of a line once a terminal drew it: a progress bar draws its line anew many times."""
    parts = line.rstrip("\r\n").split("\r")
    return next((part for part in reversed(parts) if part), "")
