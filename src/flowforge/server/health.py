"""`GET /health`: whether the server can do its work, for those who watch it from outside. Says nothing of how it is built."""

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from flowforge.errors import FlowForgeError
from flowforge.model.attempt import AttemptKey
from flowforge.model.credential import Permission
from flowforge.model.runner import RunnerStatus
from flowforge.server.door import Door, door_of
from flowforge.server.permissions import permission
from flowforge.services.runners import status_of

SECONDS = 2.0
"""For each check."""
_NO_LOG = AttemptKey(run=0, job=0, number=1)


class Health(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    status: Health
    reason: str = ""

    def value(self) -> dict[str, str]:
        return {"status": self.status, **({"reason": self.reason} if self.reason else {})}


@permission(Permission.PUBLIC)
async def health(request: Request) -> Response:
    checks = await check_all(door_of(request.scope))
    usable = checks["database"].status is Health.OK
    fine = all(check.status is Health.OK for check in checks.values())
    value = {
        "status": Health.OK if fine else Health.DEGRADED,
        "checks": {name: check.value() for name, check in checks.items()},
    }
    status = HTTPStatus.OK if usable else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(json.dumps(value), status, media_type="application/json")


async def check_all(door: Door) -> dict[str, Check]:
    ground = door.services.ground
    reads = await _check(ground.store.read(lambda tx: tx.events.last()), "the database does not answer")
    # Through the one thread that writes: reading says nothing of it.
    writes = await _check(ground.store.write(lambda tx: None, urgent=True), "the database takes no writes")  # noqa: ARG005
    database = reads if reads.status is not Health.OK else writes
    logs = await _check(ground.logs.size(_NO_LOG), "logs cannot be read")
    runner = await _runner(door) if database.status is Health.OK else Check(status=Health.DEGRADED)
    full = bool(ground.scarce())
    disk = (
        Check(status=Health.DEGRADED, reason="the disk is almost full") if full else Check(status=Health.OK)
    )
    return {"database": database, "logs": logs, "disk": disk, "runner": runner}


async def _check(work: Awaitable[object], otherwise: str) -> Check:
    try:
        async with asyncio.timeout(SECONDS):
            await work
    except (FlowForgeError, OSError, TimeoutError):
        return Check(status=Health.FAILED, reason=otherwise)
    return Check(status=Health.OK)


async def _runner(door: Door) -> Check:
    now = door.services.ground.clock.now()
    runners = await door.services.runners.all()
    online = [runner for runner in runners if status_of(runner, now) is RunnerStatus.ONLINE]
    if not online:
        return Check(status=Health.DEGRADED, reason="no runner is online")
    if all(runner.note for runner in online):
        return Check(status=Health.DEGRADED, reason="no runner can take jobs")
    return Check(status=Health.OK)
