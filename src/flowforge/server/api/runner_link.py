"""The runner link over HTTP. Who asks is known from its key; docs/reference/runner-link.md is the protocol's page."""

from collections.abc import AsyncIterator
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.responses import StreamingResponse

from flowforge.errors import BadInput
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Claim, Lease, Renewal
from flowforge.model.credential import Permission
from flowforge.model.link_call import (
    ClaimCall,
    FinishCall,
    HelloCall,
    NoteCall,
    RegisterCall,
    RenewCall,
    ReportCall,
    ResumeCall,
    Standing,
)
from flowforge.server.api.link_body import (
    answer,
    checked_finish,
    checked_reports,
    checked_token,
    expect_spoken,
    read_call,
    waited,
)
from flowforge.server.body import read_body
from flowforge.server.closing import attended
from flowforge.server.door import door_of
from flowforge.server.guard import LARGEST_BODY, LINK
from flowforge.server.permissions import permission
from flowforge.services.link import Link
from flowforge.services.reception import Reception

router = APIRouter(tags=["runner link"])

BASE = "/api/v1/runner-link"
MOST_LEASES = 1000
NOTHING = Response(status_code=204)


def _reception(request: Request) -> Reception:
    return door_of(request.scope).reception


def _link(request: Request) -> Link:
    """Of a runner that speaks a version of the protocol that we do."""
    expect_spoken(request.headers)
    return cast("Link", request.scope[LINK])


@router.post(f"{BASE}/register", summary="A one-time registration token against a runner's key")
@permission(Permission.SIGNED)
async def register(request: Request) -> Response:
    body = await read_body(request.headers, request.receive, LARGEST_BODY)
    return answer(Standing, await _reception(request).register(read_call(RegisterCall, body)))


@router.post(f"{BASE}/hello", summary="A runner begins")
@permission(Permission.RUNNER)
async def hello(request: Request) -> Response:
    link = cast("Link", request.scope[LINK])
    call = read_call(HelloCall, await request.body())
    return answer(Standing, await _reception(request).hello(link.runner_id, call))


@router.post(f"{BASE}/note", status_code=204, summary="Why the runner takes no job")
@permission(Permission.RUNNER)
async def note(request: Request) -> Response:
    call, link = read_call(NoteCall, await request.body()), _link(request)
    await door_of(request.scope).services.runners.note(link.runner_id, call.note)
    return NOTHING


@router.post(f"{BASE}/claim", summary="A job, waited for")
@permission(Permission.RUNNER)
async def claim(request: Request) -> Response:
    call, link = read_call(ClaimCall, await request.body()), _link(request)
    working = link.claim(checked_token(call.token), waited(call.wait))
    claimed = await attended(working, request.receive, door_of(request.scope).closing, None)
    return answer(Claim, _reception(request).handout.with_capabilities(claimed)) if claimed else NOTHING


@router.post(f"{BASE}/resume", summary="What was claimed under a lease, again")
@permission(Permission.RUNNER)
async def resume(request: Request) -> Response:
    call, link = read_call(ResumeCall, await request.body()), _link(request)
    return answer(Claim, _reception(request).handout.with_capabilities(await link.resume(call.lease)))


@router.post(f"{BASE}/renew", summary="Signs of life for all that the runner holds")
@permission(Permission.RUNNER)
async def renew(request: Request) -> Response:
    call, link = read_call(RenewCall, await request.body()), _link(request)
    if len(call.leases) > MOST_LEASES:
        raise BadInput(f"at most {MOST_LEASES} leases are renewed at once", field="leases")
    working = link.renew(call.leases, waited(call.wait))
    return answer(
        Renewal, await attended(working, request.receive, door_of(request.scope).closing, Renewal())
    )


@router.post(f"{BASE}/report", status_code=204, summary="How steps stand")
@permission(Permission.RUNNER)
async def report(request: Request) -> Response:
    call, link = read_call(ReportCall, await request.body()), _link(request)
    await link.report(call.lease, checked_reports(call.steps))
    return NOTHING


@router.post(f"{BASE}/log", summary="Bytes of an attempt's log, at an offset")
@permission(Permission.RUNNER)
async def append_log(request: Request, attempt: str, offset: int) -> Response:
    link, data = _link(request), await request.body()
    if not 0 <= offset < 2**60:
        raise BadInput("offset must be a number of bytes", field="offset")
    try:
        key = AttemptKey.parse(attempt)
    except ValueError:
        raise BadInput("attempt must be run.job.number", field="attempt") from None
    lease = Lease(attempt=key, token=request.headers.get("flowforge-lease", ""))
    return answer(int, await link.append_log(lease, offset, data))


@router.post(f"{BASE}/finish", status_code=204, summary="An attempt is over and its log complete")
@permission(Permission.RUNNER)
async def finish(request: Request) -> Response:
    call, link = read_call(FinishCall, await request.body()), _link(request)
    await link.finish(call.lease, checked_finish(call.outcome), checked_reports(call.steps))
    return NOTHING


@router.get(f"{BASE}/source/{{capability}}", summary="The files of an attempt's commit, by capability")
@permission(Permission.SIGNED)
async def source(request: Request, capability: str) -> Response:
    stream = await _reception(request).handout.source(capability, request.method)
    first = await anext(aiter(stream), b"")
    return StreamingResponse(_behind(first, stream), media_type="application/x-tar")


async def _behind(first: bytes, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The first piece was waited for before the answer began, so that what fails then is an error and no torn body."""
    yield first
    async for chunk in stream:
        yield chunk
