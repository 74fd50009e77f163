"""`GET /metrics` for Prometheus, made when it is asked for."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from flowforge.model.attempt import AttemptKey
from flowforge.model.credential import Permission
from flowforge.model.event import Event, EventKind
from flowforge.ports import Tx
from flowforge.server.door import Door, door_of
from flowforge.server.meters import BUCKETS, Meters, Timing
from flowforge.server.permissions import permission

router = APIRouter(tags=["server"])

EVENTS_AT_ONCE = 1_000
MOST_WAITING = 10_000
"""Ready jobs counted; a longer queue shows as this."""

Queues = dict[str, int]


@router.get("/metrics", response_class=Response, summary="Prometheus")
@permission(Permission.READ)
async def metrics(request: Request) -> Response:
    door = door_of(request.scope)
    await _catch_up(door)
    queues = await door.services.ground.store.read(_queues)
    registry = CollectorRegistry()
    registry.register(_Snapshot(door.meters, queues, door.settings.version))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


async def _catch_up(door: Door) -> None:
    """Count what became true since the last look; the first look begins with the present."""
    store, meters = door.services.ground.store, door.meters
    if meters.seen is None:
        meters.seen = await store.read(lambda tx: tx.events.last())
    while True:
        behind = meters.seen
        events, logged = await store.read(lambda tx: _since(tx, behind))  # noqa: B023
        if meters.seen != behind:
            continue
        for event in events:
            _count(meters, event)
        meters.log_bytes += logged
        if not events:
            return
        meters.seen = events[-1].id


def _since(tx: Tx, behind: int) -> tuple[Sequence[Event], int]:
    events = tx.events.since(behind, EVENTS_AT_ONCE)
    ended = [_attempt(event) for event in events if event.kind is EventKind.JOB_FINISHED]
    attempts = [tx.attempts.get(key) for key in ended if key is not None]
    return events, sum(attempt.log_size for attempt in attempts if attempt)


def _attempt(event: Event) -> AttemptKey | None:
    number = event.detail.get("attempt")
    if not isinstance(number, int) or not number or event.run_id is None or event.job_id is None:
        return None
    return AttemptKey(run=event.run_id, job=event.job_id, number=number)


def _count(meters: Meters, event: Event) -> None:
    if event.kind is EventKind.RUN_FINISHED:
        meters.runs[event.status] += 1
    elif event.kind is EventKind.JOB_FINISHED:
        meters.jobs[event.status] += 1


def _queues(tx: Tx) -> Queues:
    return {
        "runs_unplanned": len(tx.runs.unplanned()),
        "runs_open": len(tx.runs.open()),
        "jobs_queued": len(tx.jobs.ready(MOST_WAITING)),
        "jobs_running": len(tx.attempts.live()),
    }


class _Snapshot(Collector):
    def __init__(self, meters: Meters, queues: Queues, version: str) -> None:
        self._meters = meters
        self._queues = queues
        self._version = version

    def collect(self) -> list[Metric]:
        return [self._build(), *self._traffic(), *self._work(), *self._waiting()]

    def _build(self) -> Metric:
        build = GaugeMetricFamily("flowforge_build_info", "What this server is.", labels=["version"])
        build.add_metric([self._version], 1)
        return build

    def _traffic(self) -> list[Metric]:
        requests = CounterMetricFamily(
            "flowforge_http_requests", "Answered requests.", labels=["method", "route", "status"]
        )
        for (method, route, status), count in self._meters.requests.items():
            requests.add_metric([method, route, str(status)], count)
        times = HistogramMetricFamily(
            "flowforge_http_request_seconds", "Time until an answer began.", labels=["route"]
        )
        for route, timing in self._meters.timings.items():
            times.add_metric([route], _buckets(timing), timing.total)
        return [requests, times, _counter("flowforge_webhooks", "Webhooks.", "result", self._meters.webhooks)]

    def _work(self) -> list[Metric]:
        stored = CounterMetricFamily("flowforge_log_bytes", "Bytes of logs of finished jobs.")
        stored.add_metric([], self._meters.log_bytes)
        return [
            _counter("flowforge_runs_finished", "Runs that ended.", "status", self._meters.runs),
            _counter("flowforge_jobs_finished", "Jobs that ended.", "status", self._meters.jobs),
            stored,
        ]

    def _waiting(self) -> list[Metric]:
        return [
            GaugeMetricFamily(f"flowforge_{name}", _QUEUE_HELP[name], value=count)
            for name, count in self._queues.items()
        ]


_QUEUE_HELP = {
    "runs_unplanned": "Runs whose pipeline was not read yet.",
    "runs_open": "Planned runs that are not over.",
    "jobs_queued": "Jobs that wait for a runner.",
    "jobs_running": "Jobs that a runner has.",
}


def _counter(name: str, text: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _buckets(timing: Timing) -> list[tuple[str, float]]:
    total, buckets = 0, []
    for bound, count in zip((*BUCKETS, float("inf")), timing.counts, strict=True):
        total += count
        buckets.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
    return buckets
