"""What the tests of executors share: an executor in a place of its own, and orders short enough to read."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowforge.adapters.executors.site import Site
from flowforge.model.attempt import AttemptKey
from flowforge.model.exit import Exit
from flowforge.model.job_spec import Clone
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.source import Source
from flowforge.model.step_spec import Checkout, Script, When
from flowforge.ports import Executor, Room, Sink
from flowforge.testing.sources import FakeSources
from tests.needs import ENGINE_SOCKET

KEY = AttemptKey(run=7, job=3, number=1)
ORIGIN = "https://forge.example/a/b.git"
GRACE = 1.0


class Pail:
    """A sink that keeps what it is given; all of it may be forgotten at once."""

    def __init__(self) -> None:
        self.data = b""

    async def write(self, data: bytes) -> int:
        self.data += data
        return len(self.data)


def steps(*dos: str | Script | Checkout | StepOrder, **all: Any) -> tuple[StepOrder, ...]:
    made = []
    for index, do in enumerate(dos):
        if isinstance(do, StepOrder):
            made.append(do)
        else:
            what = Script(text=do) if isinstance(do, str) else do
            made.append(StepOrder(index=index, name=f"step {index}", do=what, **all))
    return tuple(made)


def script(index: int, text: str, **more: Any) -> StepOrder:
    shell = more.pop("shell", ())
    return StepOrder(index=index, name=f"step {index}", do=Script(text=text, shell=shell), **more)


@dataclass(kw_only=True)
class Lodge:
    kind: str
    executor: Executor
    site: Site
    sources: FakeSources
    image: str | None = None
    engine: Path = ENGINE_SOCKET
    fakes: Any = None
    removed: Callable[[], Awaitable[None]] | None = None

    def order(
        self, *dos: str | Script | Checkout | StepOrder, source: Source | None = None,
        clone: Clone = Clone.BY_STEP, timeout: float | None = None, **all: Any,
    ) -> JobOrder:  # fmt: skip
        return JobOrder(
            key="build", name="build", steps=steps(*dos, **all), image=self.image, source=source, clone=clone,
            timeout=timeout,
        )  # fmt: skip

    async def run(
        self, order: JobOrder, *, key: AttemptKey = KEY, secrets: Mapping[str, str] | None = None
    ) -> "Story":
        """The whole job, watched from its beginning to its end."""
        story = Story()
        async with asyncio.timeout(60), self.executor.open(key, order) as room:
            await room.begin(secrets or {})
            await story.watch(room, order.watched)
        return story

    async def stopped(self, order: JobOrder) -> tuple[Exit, bytes]:
        """How the first step ends, and its output, when the job is told to stop once the step has said something."""
        pail = Pail()
        async with asyncio.timeout(30), self.executor.open(KEY, order) as room, asyncio.TaskGroup() as group:
            await room.begin({})
            running = group.create_task(room.run(order.steps[0], pail))
            while not pail.data:
                await asyncio.sleep(0.01)
            await room.stop("enough")
        return running.result(), pail.data


@dataclass(kw_only=True)
class Story:
    """What was seen of a job."""

    exits: list[Exit] = field(default_factory=list)
    outputs: list[bytes] = field(default_factory=list)

    async def watch(self, room: Room, steps: Sequence[StepOrder], *, since: int = 0) -> "Story":
        for step in steps:
            pail = Pail()
            self.exits.append(await room.run(step, pail, since=since))
            self.outputs.append(pail.data)
            since = 0
        return self

    @property
    def text(self) -> str:
        return b"".join(self.outputs).decode()


def new_site(folder: Path) -> Site:
    folder.mkdir(exist_ok=True, mode=0o711)
    instance = f"test-{uuid.uuid4().hex}"
    return Site(instance=instance, folder=folder / "rooms", workspaces=folder / "work", grace=GRACE)


async def until(look: Callable[[], object], *, deadline: float = 30.0) -> None:
    async with asyncio.timeout(deadline):
        while not look():
            await asyncio.sleep(0.005)


__all__ = [
    "GRACE",
    "KEY",
    "ORIGIN",
    "Lodge",
    "Pail",
    "Sink",
    "Story",
    "When",
    "new_site",
    "script",
    "steps",
    "until",
]
