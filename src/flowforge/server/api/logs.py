"""A job's log: its bytes as they are, by range, by line, or as they come."""

import re
from collections.abc import AsyncGenerator, Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from flowforge.errors import BadInput, NotFound
from flowforge.model.attempt import AttemptKey
from flowforge.model.credential import Permission
from flowforge.model.log import LogSize
from flowforge.ports import Logs
from flowforge.server.api.values import RunId
from flowforge.server.byte_range import ByteRange, Unsatisfiable, byte_range
from flowforge.server.closing import LiveStream
from flowforge.server.door import Door, door_of
from flowforge.server.permissions import permission
from flowforge.server.problems import unsatisfiable
from flowforge.services.browse import JobView
from flowforge.services.progress import EVENTS

router = APIRouter(tags=["logs"])

TEXT = "text/plain; charset=utf-8"
MOST_LINES = 10_000
LOOK_AGAIN = 15.0

First = Annotated[int | None, Query(ge=0, le=10**12, description="First line, counting from 0")]
Count = Annotated[int, Query(ge=1, le=MOST_LINES, description="Lines from `first` on")]
Follow = Annotated[bool, Query(description="Go on until the log is complete")]
Offset = Annotated[int, Query(ge=0, le=10**15, description="With `follow`: the byte to begin at")]
Number = Annotated[int | None, Query(ge=1, le=10**6, description="An earlier attempt than the newest")]
Download = Annotated[bool, Query(description="As a file to keep")]


@router.head("/pipelines/{run_id}/jobs/{job:path}/log", include_in_schema=False)
@router.head("/api/v1/runs/{run_id}/jobs/{job:path}/log", include_in_schema=False)
@router.get(
    "/pipelines/{run_id}/jobs/{job:path}/log", response_class=PlainTextResponse, summary="A job's log"
)
@router.get(
    "/api/v1/runs/{run_id}/jobs/{job:path}/log", response_class=PlainTextResponse, summary="A job's log"
)
@permission(Permission.READ)
async def get_log(
    request: Request,
    run_id: RunId,
    job: str,
    first: First = None,
    count: Count = 1_000,
    follow: Follow = False,  # noqa: FBT002 - a query's flag
    offset: Offset = 0,
    attempt: Number = None,
    download: Download = False,  # noqa: FBT002
) -> Response:
    door = door_of(request.scope)
    logs = door.services.ground.logs
    view = await door.services.browse.job(run_id, job)
    key = _key(view, attempt)
    headers = _file_name(run_id, view.job.key) if download else {}
    if follow:
        if attempt is not None or first is not None:
            raise BadInput("follow goes with offset only", field="follow")
        return LiveStream(_followed(door, view, offset), door.closing, TEXT, headers)
    if key is None:
        return _bytes_of(request, logs, _NONE, LogSize(bytes=0, lines=0, sealed=False), headers)
    if first is not None:
        return await _lines(logs, key, first, count)
    return _bytes_of(request, logs, key, await logs.size(key), headers)


_NONE = AttemptKey(run=0, job=0, number=1)


def _key(view: JobView, number: int | None) -> AttemptKey | None:
    """None before the first attempt."""
    if number is None or number == view.job.attempt:
        return view.log
    key = next((attempt.key for attempt in view.attempts if attempt.key.number == number), None)
    if key is None:
        raise NotFound(f"attempt of job {view.job.id}:", number)
    return key


def _bytes_of(
    request: Request, logs: Logs, key: AttemptKey, size: LogSize, more: Mapping[str, str]
) -> Response:
    headers = {**more, "Accept-Ranges": "bytes", "X-Log-Sealed": "true" if size.sealed else "false"}
    wanted = None if "if-range" in request.headers else request.headers.get("range")
    try:
        part = byte_range(wanted, size.bytes) if wanted else None
    except Unsatisfiable:
        return unsatisfiable(size.bytes).response()
    status = 200 if part is None else 206
    if part is None:
        part = ByteRange(start=0, end=size.bytes)
    else:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{size.bytes}"
    headers["Content-Length"] = str(part.end - part.start)
    if request.method == "HEAD" or part.start == part.end:
        return Response(b"", status, headers, TEXT)
    return StreamingResponse(logs.read(key, part.start, part.end), status, headers, TEXT)


async def _lines(logs: Logs, key: AttemptKey, first: int, count: int) -> Response:
    found = await logs.lines(key, first, count)
    headers = {
        "X-Log-First": str(found.first),
        "X-Log-Lines": str(len(found.lines)),
        "X-Log-Total": str(found.total),
    }
    return Response(b"".join(line + b"\n" for line in found.lines), 200, headers, TEXT)


async def _followed(door: Door, view: JobView, offset: int) -> AsyncGenerator[bytes]:
    """Of a job that has not begun, the first attempt is waited for; one that is tried again goes on with the newer
    attempt, from its start."""
    ground = door.services.ground
    rung = ground.bell.listen(EVENTS)
    followed: AttemptKey | None = None
    while True:
        view = await door.services.browse.job(view.job.run_id, str(view.job.id))
        if view.log is not None and view.log != followed:
            async for chunk in ground.logs.follow(view.log, offset):
                yield chunk
            followed, offset = view.log, 0
        elif view.job.status.terminal:
            return
        else:
            await rung.wait(LOOK_AGAIN)


def _file_name(run_id: int, job: str) -> dict[str, str]:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", job).strip("-.")[:60] or "job"
    return {"Content-Disposition": f'attachment; filename="run-{run_id}-{name}.log"'}
