"""One job's log, with line numbers: all of it, or a window where it is long."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from flowforge.model.credential import Permission
from flowforge.model.log import LogSize
from flowforge.model.status import Status
from flowforge.model.step_run import StepRun
from flowforge.ports import Logs
from flowforge.server.door import door_of
from flowforge.server.pages.log_text import Line, numbered, read_bytes, split_lines, without_marks
from flowforge.server.pages.render import page
from flowforge.server.pages.run import REFRESH, run_id
from flowforge.server.permissions import permission
from flowforge.services.browse import JobView

WHOLE_BYTES = 2 * 1024 * 1024
WHOLE_LINES = 5_000
WINDOW = 1_000
BEFORE = 50
"""Lines shown before one that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`step` is None for what no step wrote, and where a window does not know."""

    step: StepRun | None
    lines: tuple[Line, ...]


@permission(Permission.READ)
async def show_log(request: Request) -> Response:
    door = door_of(request.scope)
    view = await door.services.browse.run(run_id(request))
    job = await door.services.browse.job(view.run.id, request.path_params["job"])
    logs = door.services.ground.logs
    size = await logs.size(job.log) if job.log else LogSize(bytes=0, lines=0, sealed=False)
    whole = size.bytes <= WHOLE_BYTES and size.lines <= WHOLE_LINES
    line = _line(request.query_params.get("line", ""))
    first = 0 if whole else _window_start(line, size.lines)
    sections = await _sections(logs, job, size) if whole else [await _window(logs, job, first)]
    over = job.job.status.terminal
    values = {
        "run": view.run,
        "project": view.project,
        "job": job.job,
        "size": size,
        "whole": whole,
        "sections": sections,
        "first": first,
        "last": first + sum(len(section.lines) for section in sections),
        "earlier": None if whole or first == 0 else max(1, first + 1 - WINDOW + BEFORE),
        "later": first + WINDOW + BEFORE + 1 if not whole and first + WINDOW < size.lines else None,
        "refresh": None if over else REFRESH,
    }
    return page(request, "log.html", values)


def _line(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 13 and int(text) else None


def _window_start(line: int | None, total: int) -> int:
    """Without a wish, the end."""
    latest = max(0, total - WINDOW)
    return latest if line is None else min(max(0, line - 1 - BEFORE), latest)


async def _window(logs: Logs, job: JobView, first: int) -> Section:
    assert job.log is not None  # noqa: S101 - only a long log has windows
    found = await logs.lines(job.log, first, WINDOW)
    return Section(step=None, lines=tuple(_marked(job, numbered(found.lines, first + 1))))


async def _sections(logs: Logs, job: JobView, size: LogSize) -> list[Section]:
    if job.log is None:
        return []
    number, sections = 1, []
    for step, start, end in _cuts(job.steps, size.bytes):
        data = await read_bytes(logs, job.log, start, end)
        lines = split_lines(data)
        sections.append(Section(step=step, lines=tuple(_marked(job, numbered(lines, number)))))
        # A line that a step left unfinished goes on, under the same number, with what the next one writes.
        number += data.count(b"\n")
    return sections


def _cuts(steps: tuple[StepRun, ...], size: int) -> list[tuple[StepRun | None, int, int]]:
    """Every byte in exactly one piece, in order, whatever the steps claim."""
    cuts: list[tuple[StepRun | None, int, int]] = []
    at = 0
    # A background step's section comes behind those of the steps that were waited for.
    for step in sorted(steps, key=lambda step: (step.log_start, step.index)):
        if step.started_at is None:
            continue
        start, end = max(at, step.log_start), size if step.log_end is None else min(step.log_end, size)
        if at < start <= size:
            cuts.append((None, at, start))
        if start <= size:
            at = max(start, end)
            cuts.append((step, start, at))
    return [*cuts, (None, at, size)] if at < size else cuts


def _marked(job: JobView, lines: list[Line]) -> list[Line]:
    return lines if job.job.status is Status.FAILURE else without_marks(lines)
