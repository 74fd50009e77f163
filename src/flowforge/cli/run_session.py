"""One local run from the command line's side: its view, Ctrl-C, and the wired parts behind it."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from flowforge.adapters.data.clock import SystemClock
from flowforge.cli.exit_codes import CommandFailed
from flowforge.cli.foreign_text import one_line
from flowforge.cli.light_structlog import structlog
from flowforge.cli.live_view import LiveView
from flowforge.cli.output import forget_output
from flowforge.cli.run_json import JsonView
from flowforge.cli.run_lines import PlainView
from flowforge.cli.terminal import Terminal
from flowforge.model.plan import Plan
from flowforge.model.status import Status
from flowforge.services.local_events import LocalEvent
from flowforge.services.local_run import LocalRun
from flowforge.settings import ExecutorChoice

FRAME = 0.1
"""Seconds between two frames for whoever watches."""

View = JsonView | PlainView | LiveView
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """How a run is carried out and shown."""

    choice: ExecutorChoice
    slots: int
    as_json: bool

    def carry_out(self, planned: Plan, secrets: Mapping[str, str]) -> Status:
        """Answers the run's status; `cancelled` for somebody who did not want to wait for its end."""
        return asyncio.run(self._carry_out(planned, secrets))

    async def _carry_out(self, planned: Plan, secrets: Mapping[str, str]) -> Status:
        from flowforge.wiring_local import LocalMachine, carry_out

        loop = asyncio.get_running_loop()
        audience = Audience(
            self._view(planned), lambda: loop.call_soon(run.cancel, "its output cannot be written")
        )
        run = LocalRun(planned, secrets, SystemClock(), audience.hear)
        machine = LocalMachine(choice=self.choice, slots=self.slots, environ=os.environ, say=audience.say)
        with _parts_speak_through(audience.say), _interrupted_by_person(run, audience.say), _moving(audience):
            try:
                if not run.status.terminal:
                    await carry_out(run, machine)
            except asyncio.CancelledError:
                return Status.CANCELLED
        if audience.lost:
            raise CommandFailed(f"cannot write the output: {audience.lost}")
        return run.status

    def _view(self, planned: Plan) -> View:
        if self.as_json:
            return JsonView(sys.stdout)
        terminal = Terminal.of(sys.stdout, os.environ)
        if terminal.moving:
            needs = {job.order.key: job.needs for job in planned.jobs}
            return LiveView(needs, terminal, time.monotonic)
        return PlainView([job.order.key for job in planned.jobs], terminal)


class Audience:
    """Shows what happens until it cannot be shown any more; `leave` is called then, once. `lost` says why, and nothing
    where the reader went away: that is how readers say that they have seen enough."""

    def __init__(self, view: View, leave: Callable[[], object]) -> None:
        self._view = view
        self._leave = leave
        self._gone = False
        self.lost = ""

    @property
    def moving(self) -> bool:
        return isinstance(self._view, LiveView)

    def hear(self, event: LocalEvent) -> None:
        self._show(lambda: self._view.hear(event))

    def refresh(self) -> None:
        self._show(self._view.refresh)

    def say(self, line: str) -> None:
        if isinstance(self._view, LiveView):
            self._show(partial(self._view.say, line))
        else:
            _say_apart(line)

    def close(self) -> None:
        if isinstance(self._view, LiveView):
            self._show(self._view.close)

    def _show(self, act: Callable[[], None]) -> None:
        if self._gone:
            return
        try:
            act()
        except OSError as error:
            self._gone = True
            self.lost = "" if isinstance(error, BrokenPipeError) else str(error.strerror)
            forget_output()
            self._leave()


@contextmanager
def _moving(audience: Audience) -> Iterator[None]:
    """What stands below the lines is drawn anew while time passes."""
    if not audience.moving:
        yield
        return
    frames = Frames(audience)
    frames.draw()
    try:
        yield
    finally:
        frames.stop()
        audience.close()


class Frames:
    """Looks at the clock again and again."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._timer: asyncio.TimerHandle | None = None

    def draw(self) -> None:
        self._audience.refresh()
        self._timer = asyncio.get_running_loop().call_later(FRAME, self.draw)

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()


@contextmanager
def _interrupted_by_person(run: LocalRun, say: Say) -> Iterator[None]:
    """Ctrl-C cancels the run; the second one stops waiting for it; the third is Python's own."""
    loop = asyncio.get_running_loop()
    waiting = asyncio.current_task()
    heard = 0

    def interrupt() -> None:
        nonlocal heard
        heard += 1
        if heard == 1:
            say("cancelling: jobs are told to end (again to stop waiting for them)")
            run.cancel("cancelled by Ctrl-C")
        elif waiting:
            say("leaving: what runs is killed")
            _forget(loop)
            waiting.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, interrupt)
    try:
        yield
    finally:
        _forget(loop)


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _forget(loop: asyncio.AbstractEventLoop) -> None:
    for number in _SIGNALS:
        loop.remove_signal_handler(number)


@contextmanager
def _parts_speak_through(say: Say) -> Iterator[None]:
    """What the parts log is a line for the person, if it is a warning or worse."""
    before = structlog.get_config()
    structlog.configure(
        processors=[_one_sentence],
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
        logger_factory=lambda *_: _Speaker(say),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _one_sentence(_logger: object, method: str, event: MutableMapping[str, Any]) -> str:
    error = event.pop("exc_info", None)
    rest = "".join(f", {key}: {value}" for key, value in event.items() if key != "event")
    cause = f" ({error!r})" if isinstance(error, BaseException) else ""
    return f"{method}: {event['event']}{rest}{cause}"


class _Speaker:
    def __init__(self, say: Say) -> None:
        self._say = say

    def msg(self, message: str) -> None:
        self._say(one_line(message))

    warning = error = critical = msg


def _say_apart(line: str) -> None:
    # A standard error that cannot be written leaves nobody to tell; the run itself goes on.
    with suppress(OSError):
        print(f"flowforge: {one_line(line)}", file=sys.stderr, flush=True)
