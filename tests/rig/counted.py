"""A pipeline that can be held to account: every step tells the counter what it does and prints lines that are known."""

import json
from dataclasses import dataclass

from tests.rig.counter import Counter
from tests.rig.machine import Machine

POINTS = ("begin", "middle", "end")


@dataclass(frozen=True)
class CountedJob:
    """Each step says `begin`, prints half of its lines, says `middle`, prints the rest and says `end`."""

    name: str
    requires: tuple[str, ...] = ()
    steps: int = 2
    lines: int = 400

    def word(self, point: str, step: int = 0) -> str:
        return f"{point}.{self.name}.{step}"

    @property
    def words(self) -> dict[str, int]:
        """What the counter hears when each step begins once and goes on to its end."""
        return {self.word(point, step): 1 for step in range(self.steps) for point in POINTS}

    @property
    def log(self) -> bytes:
        lines = (
            f"{self.name} {step} line {line} of {self.lines}\n"
            for step in range(self.steps)
            for line in range(self.lines)
        )
        return "".join(lines).encode()

    def script(self, counter: Counter, step: int) -> str:
        loop = f"while [ $i -lt {{end}} ]; do echo '{self.name} {step} line '$i' of {self.lines}'; i=$((i+1)); done"
        return "\n".join(
            [
                counter.shell(),
                "i=0",
                f"tell {self.word('begin', step)}",
                loop.format(end=self.lines // 2),
                f"tell {self.word('middle', step)}",
                loop.format(end=self.lines),
                f"tell {self.word('end', step)}",
            ]
        )


def counted_pipeline(jobs: tuple[CountedJob, ...], machine: Machine, counter: Counter) -> bytes:
    described = {
        job.name: {
            "docker": [{"image": machine.image}],
            "steps": [{"run": job.script(counter, step)} for step in range(job.steps)],
        }
        for job in jobs
    }
    places = [{job.name: {"requires": list(job.requires)}} if job.requires else job.name for job in jobs]
    return json.dumps({"jobs": described, "workflows": {"main": {"jobs": places}}}).encode()
