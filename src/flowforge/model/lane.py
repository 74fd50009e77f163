"""Where jobs wait in line: those of one lane are all alike to whoever chooses a job for a runner."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """`trusted` is false for somebody else's code, as of a fork; `labels` are sorted and each there once."""

    project_id: int
    trusted: bool = True
    labels: tuple[str, ...] = ()

    def text(self) -> str:
        """Labels are JSON-free words of a pipeline's author: what would part them is escaped."""
        labels = (label.replace("%", "%25").replace(",", "%2C") for label in self.labels)
        return f"{self.project_id}/{'own' if self.trusted else 'foreign'}/{','.join(labels)}"

    @classmethod
    def parse(cls, text: str) -> "Lane":
        """The reverse of `text`."""
        project, trust, labels = text.split("/", 2)
        words = (label.replace("%2C", ",").replace("%25", "%") for label in labels.split(",") if label)
        return cls(project_id=int(project), trusted=trust == "own", labels=tuple(words))

    @classmethod
    def of(cls, project_id: int, labels: tuple[str, ...], *, trusted: bool) -> "Lane":
        words = tuple(sorted({label for label in labels if label}))
        return cls(project_id=project_id, trusted=trusted, labels=words)
