"""Where a parser writes down what is wrong."""

import difflib
from collections.abc import Container, Iterable
from dataclasses import replace

from flowforge.model.problem import Mark, Problem, Severity

MOST_PROBLEMS = 500
"""Of each severity in one file. A hostile file must not cost more memory than an honest one."""

MOST_SUGGESTIONS = 100
LONGEST_SUGGESTION = 64
"""difflib is quadratic in the length of the words it compares and linear in their number."""

LONGEST_QUOTE = 60


def quote(text: str) -> str:
    """A word of the user's as a message may show it: on one line, and without what a terminal would obey."""
    shown = text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"
    return "`" + "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown) + "`"


class Findings:
    """The problems of one file, each said once. Once one is an error the file has no pipeline, so a reader that
    found an error may go on with any harmless value to find the next one."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._seen: dict[Problem, None] = {}
        self._count = dict.fromkeys(Severity, 0)
        self._suggestions = 0
        self._unreadable: set[Mark] = set()

    def error(self, code: str, mark: Mark, message: str, hint: str = "") -> None:
        self._add(Problem(code=code, severity=Severity.ERROR, message=message, mark=mark, hint=hint))

    def unreadable(self, code: str, mark: Mark, message: str, hint: str) -> None:
        """An error about a value that nobody can use: what is found of it later follows from this and is not said."""
        self.error(code, mark, message, hint)
        self._unreadable.add(mark)

    def warning(self, code: str, mark: Mark, message: str, hint: str = "") -> None:
        self._add(Problem(code=code, severity=Severity.WARNING, message=message, mark=mark, hint=hint))

    def nearest(self, word: str, words: Iterable[str]) -> str | None:
        """The one of `words` that was probably meant."""
        if len(word) > LONGEST_SUGGESTION or self._suggestions >= MOST_SUGGESTIONS:
            return None
        self._suggestions += 1
        near = [other for other in words if len(other) <= LONGEST_SUGGESTION and other.isprintable()]
        return next(iter(difflib.get_close_matches(word, near, n=1, cutoff=0.6)), None)

    def take(self, others: "Findings", but: Container[str]) -> None:
        """What `others` found, except for the codes in `but`."""
        for problem in others.problems:
            if problem.code not in but:
                self._add(problem)

    @property
    def failed(self) -> bool:
        return self._count[Severity.ERROR] > 0

    @property
    def problems(self) -> tuple[Problem, ...]:
        """In the order of the file."""
        return tuple(sorted(self._seen, key=lambda problem: (problem.mark.line, problem.mark.column)))

    def _add(self, problem: Problem) -> None:
        # An alias shows one mistake at every place that names its anchor.
        if problem in self._seen or problem.mark in self._unreadable:
            return
        if self._count[problem.severity] == MOST_PROBLEMS:
            message = f"there are more than these {MOST_PROBLEMS} problems"
            problem = replace(problem, code="more-problems", message=message, hint="correct these first")
        if self._count[problem.severity] <= MOST_PROBLEMS:
            self._count[problem.severity] += 1
            self._seen[problem] = None
