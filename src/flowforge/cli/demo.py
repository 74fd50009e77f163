"""`flowforge demo`, also `python -m flowforge.cli.demo`: a server, a push, and the pipeline it starts, before your eyes."""

import asyncio
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from flowforge.cli.client import Api
from flowforge.cli.demo_forge import Sample, make_sample, push, served
from flowforge.cli.demo_server import DemoServer, demo_server
from flowforge.cli.exit_codes import CommandFailed, ExitCode
from flowforge.cli.foreign_text import one_line
from flowforge.cli.live_view import LiveView
from flowforge.cli.options import ServerChoice
from flowforge.cli.run_follower import RunFollower
from flowforge.cli.run_lines import PlainView
from flowforge.cli.terminal import Terminal
from flowforge.model.status import Status

DEFAULT_IMAGE = "busybox:stable"
IMAGE_SECONDS = 60.0
"""How long an image may take to arrive before the demo goes on without."""
LOOK = 0.1
"""Seconds between two looks at the run."""
PATIENCE = 300.0
"""Seconds until a run that does not end is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """How the demo's jobs run; `image` is empty for plain processes."""

    executor: str
    image: str
    sentence: str


@click.command(short_help="Start a server, push to it, and watch the pipeline run.")
def demo() -> None:
    """Start a server on this machine, deliver a signed push of a sample repository to it, and watch its pipeline run.

    On a terminal it keeps serving until Ctrl-C; otherwise it ends with the run's result. Nothing is left behind.
    """
    terminal = Terminal.of(sys.stdout, os.environ)
    where = asyncio.run(choose(os.environ.get("FLOWFORGE_DEMO_IMAGE") or DEFAULT_IMAGE))
    with _ended_by_signals(), _folder() as folder:
        terminal.write(f"{where.sentence}\n")
        sample = make_sample(folder, where.image)
        secret = secrets.token_urlsafe(24)
        with served(sample) as origin:
            settings = {
                "WEBHOOK_SECRET": secret,
                "FLOWFORGE_TRUSTED_FORGES": origin.removeprefix("http://"),
                "FLOWFORGE_EXECUTOR": where.executor,
            }
            with demo_server(folder, settings) as server:
                status = _show(server, sample, origin, secret, terminal)
    if status is not Status.SUCCESS:
        raise CommandFailed(code=ExitCode.RUN_FAILED)


async def choose(image: str) -> Where:
    from flowforge.wiring_local import engine_has

    try:
        async with asyncio.timeout(IMAGE_SECONDS):
            engine, why_not = await engine_has(image, os.environ)
    except TimeoutError:
        engine, why_not = "", f"the image {image} did not arrive within {IMAGE_SECONDS:.0f} s"
    if engine:
        return Where(
            executor="auto",
            image=image,
            sentence=f"Jobs run in containers of {image}: {one_line(engine)} answers",
        )
    return Where(executor="process", image="", sentence=f"Jobs run as plain processes: {one_line(why_not)}")


def _show(server: DemoServer, sample: Sample, origin: str, secret: str, terminal: Terminal) -> Status:
    api = Api(ServerChoice(url=server.url, token=server.token), {}, Path.cwd())
    try:
        terminal.write(f"The server is at {server.url}\n")
        body, headers = push(sample, origin, secret)
        run = int(api.deliver(body, headers)["pipeline_id"])
        terminal.write(f"A signed push of {sample.commit[:12]} to /webhook started run {run}\n\n")
        status = _watch(api, run, terminal)
        link = api.post("/api/v1/links", {"target": f"/ui/pipelines/{run}"})
        terminal.write(f"\nThe run's page, signed in (works once): {terminal.paint(link['url'], 'bold')}\n")
        if terminal.moving:
            _keep_serving(server, terminal)
    finally:
        api.close()
    return status


def _watch(api: Api, run: int, terminal: Terminal) -> Status:
    """Everything of the run as it happens, until it is over."""
    jobs = _planned(api, run)
    needs = {str(job["key"]): tuple(job["needs"]) for job in jobs}
    view: LiveView | PlainView = PlainView(list(needs), terminal)
    if terminal.moving:
        view = LiveView(needs, terminal, time.monotonic)
    follower = RunFollower(api, run)
    deadline = time.monotonic() + PATIENCE
    try:
        while not follower.over and time.monotonic() < deadline:
            for event in follower.look():
                view.hear(event)
            view.refresh()
            time.sleep(LOOK)
    finally:
        if isinstance(view, LiveView):
            view.close()
    return Status(api.get(f"/api/v1/runs/{run}")["status"])


def _planned(api: Api, run: int) -> list[dict[str, Any]]:
    """The run's jobs, as soon as they are known. Raises CommandFailed where there will be none."""
    deadline = time.monotonic() + PATIENCE
    value: dict[str, Any] = api.get(f"/api/v1/runs/{run}")
    while not value["jobs"] and not Status(value["status"]).terminal and time.monotonic() < deadline:
        time.sleep(LOOK / 2)
        value = api.get(f"/api/v1/runs/{run}")
    if not value["jobs"]:
        raise CommandFailed(f"the run has no jobs: {value['reason']}", ExitCode.RUN_FAILED)
    return list(value["jobs"])


def _keep_serving(server: DemoServer, terminal: Terminal) -> None:
    hint = f"FLOWFORGE_DATA={server.data} flowforge --server-url {server.url} list"
    terminal.write(f"In another terminal: {hint}\nServing until Ctrl-C …\n")
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        terminal.write("\n")


@contextmanager
def _folder() -> Iterator[Path]:
    """Gone afterwards. Others may pass through it: steps of a demo run by root are another user's."""
    folder = Path(tempfile.mkdtemp(prefix="flowforge-demo-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal end the demo like Ctrl-C: in order, with nothing left behind."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    from flowforge.cli.main import run_command

    sys.exit(run_command(["demo"]))
