"""Health, metrics, the API's own description, headers and problems."""

from dataclasses import replace

import pytest

from flowforge.errors import StoreUnavailable
from flowforge.model.event import EventKind, NewEvent
from flowforge.ports import Tx
from flowforge.server.app import DoorSettings, create_app
from flowforge.services.browse import Browse
from flowforge.testing.clock import EPOCH
from tests.contract.server.asgi import Client
from tests.contract.server.world import SETTINGS, World


async def enrol(world: World, note: str = "") -> None:
    runner = await world.services.runners.enrol_local(2, "docker")
    now = world.clock.now()
    await world.store.write(lambda tx: tx.runners.save(replace(runner, seen_at=now, note=note)))


class TestHealth:
    async def test_all_is_well(self, world: World) -> None:
        await enrol(world)
        answer = await world.anyone.get("/health")
        assert answer.status == 200
        assert answer.json == {
            "status": "ok",
            "checks": {name: {"status": "ok"} for name in ("database", "logs", "disk", "runner")},
        }

    async def test_a_full_disk_is_named_and_not_described(self, world: World) -> None:
        await enrol(world)
        ground = replace(world.services.ground, scarce=lambda: "4 MiB are free in /secret/place")
        answer = await Client(
            create_app(replace(world.services, ground=ground), SETTINGS, world.app.door.reception)
        ).get("/health")
        assert (answer.status, answer.json["status"]) == (200, "degraded")
        assert answer.json["checks"]["disk"] == {"status": "degraded", "reason": "the disk is almost full"}

    async def test_without_a_runner_it_is_degraded(self, world: World) -> None:
        answer = await world.anyone.get("/health")
        assert (answer.status, answer.json["status"]) == (200, "degraded")
        assert answer.json["checks"]["runner"] == {"status": "degraded", "reason": "no runner is online"}

    async def test_why_a_runner_takes_nothing_is_not_for_everyone(self, world: World) -> None:
        await enrol(world, note="no engine at /secret/place")
        answer = await world.anyone.get("/health")
        assert answer.json["checks"]["runner"]["status"] == "degraded"
        assert "secret" not in answer.text

    async def test_a_database_that_only_reads_is_unavailable(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def stuck(work: object, *, urgent: bool = False) -> None:
            raise StoreUnavailable("no writer")

        monkeypatch.setattr(world.store, "write", stuck)
        answer = await world.anyone.get("/health")
        assert (answer.status, answer.json["checks"]["database"]["status"]) == (503, "failed")

    async def test_without_a_database_it_is_unavailable(self, world: World) -> None:
        await world.store.close()
        answer = await world.anyone.get("/health")
        assert answer.status == 503
        assert answer.json["checks"]["database"]["status"] == "failed"


class TestMetrics:
    async def test_they_count_what_happened(self, world: World, client: Client) -> None:
        await client.get("/metrics")
        run = await world.push()
        await client.post(f"/api/v1/runs/{run}/cancel")
        await world.anyone.post("/webhook", {})
        text = (await client.get("/metrics")).text
        assert 'flowforge_webhooks_total{result="queued"} 1.0' in text
        assert 'flowforge_webhooks_total{result="unsigned"} 1.0' in text
        assert 'flowforge_runs_finished_total{status="cancelled"} 1.0' in text
        assert 'flowforge_http_requests_total{method="POST",route="/webhook",status="401"} 1.0' in text
        assert 'route="/api/v1/runs/{run_id}/cancel"' in text
        assert "flowforge_jobs_queued 0.0" in text
        assert (await client.get("/metrics")).text.count(
            'flowforge_runs_finished_total{status="cancelled"} 1.0'
        ) == 1

    async def test_addresses_nobody_serves_do_not_become_labels(self, client: Client) -> None:
        for n in range(20):
            await client.get(f"/nothing/{n}")
        text = (await client.get("/metrics")).text
        assert 'route="none",status="404"} 20.0' in text
        assert "/nothing/" not in text


class TestDescription:
    async def test_every_operation_names_its_permission(self, client: Client) -> None:
        paths = (await client.get("/openapi.json")).json["paths"]
        assert {"/webhook", "/health", "/api/v1/runs", "/pipelines/{run_id}", "/api/v1/events"} <= set(paths)
        open_paths = {"/webhook", "/health"}
        for path, entry in paths.items():
            for operation in entry.values():
                assert ("x-permission" in operation) is (path not in open_paths), path

    async def test_the_page_lists_them(self, client: Client) -> None:
        page = (await client.get("/docs")).text
        assert "/api/v1/runs/{run_id}/jobs/{job}/log" in page
        assert "<script" not in page


ANSWERS = [
    "/health",
    "/metrics",
    "/nope",
    "/api/v1/runs",
    "/api/v1/runs?limit=0",
    "/ui/projects",
    "/ui/nope",
    "/static/base.css",
]


class TestHeaders:
    @pytest.mark.parametrize("path", ANSWERS)
    async def test_every_answer_is_guarded(self, client: Client, path: str) -> None:
        headers = (await client.get(path)).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers
        assert "strict-transport-security" not in headers
        assert path.startswith("/static") or headers["cache-control"] == "no-store"

    async def test_https_is_to_stay(self, world: World) -> None:
        answer = await Client(world.app, scheme="https").get("/health")
        assert "strict-transport-security" in answer.headers

    async def test_static_files_are_kept_by_their_digest(self, world: World) -> None:
        first = await world.anyone.get("/static/base.css")
        assert "no-cache" in first.headers["cache-control"]
        etag = first.headers["etag"]
        assert (await world.anyone.get("/static/base.css", if_none_match=etag)).status == 304
        named = await world.anyone.get(f"/static/base.css?v={etag.strip(chr(34))}")
        assert "immutable" in named.headers["cache-control"]


class TestProblems:
    async def test_an_unknown_address_and_a_wrong_method(self, client: Client) -> None:
        nowhere = await client.get("/api/v1/nothing")
        assert (nowhere.status, nowhere.json["title"]) == (404, "Not Found")
        wrong = await client.post("/api/v1/projects", {})
        assert (wrong.status, wrong.headers["allow"]) == (405, "GET")
        for answer in (nowhere, wrong):
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json["type"] == "about:blank"

    @pytest.mark.parametrize("path", ["/api/v1/runs", "/ui/pipelines", "/pipelines/1"])
    async def test_what_nobody_foresaw_shows_nothing_of_itself(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        async def broken(*_: object, **__: object) -> None:
            raise RuntimeError("the password is hunter2")

        monkeypatch.setattr(Browse, "runs", broken)
        monkeypatch.setattr(Browse, "run", broken)
        answer = await client.get(path)
        assert answer.status == 500
        assert "hunter2" not in answer.text
        assert "RuntimeError" not in answer.text

    async def test_a_store_that_is_away_asks_to_come_again(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def away(*_: object, **__: object) -> None:
            raise StoreUnavailable("the database does not answer")

        monkeypatch.setattr(Browse, "runs", away)
        answer = await client.get("/api/v1/runs")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")

    @pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
    async def test_a_body_that_is_no_json_is_refused(self, client: Client, body: bytes) -> None:
        answer = await client.send("POST", "/runners", {"content-type": "application/json"}, [body])
        assert answer.status in {400, 422}
        assert answer.json["status"] == answer.status

    async def test_a_body_without_its_type_is_refused(self, client: Client) -> None:
        answer = await client.send("POST", "/runners", {"content-type": "text/plain"}, [b'{"host":"a"}'])
        assert answer.status == 400

    async def test_a_large_body_is_refused_while_it_comes(self, client: Client) -> None:
        chunks = [b"x" * 65536] * 1000
        async with client.open("POST", "/runners", {"content-type": "application/json"}, chunks) as exchange:
            await exchange.until(b"Too Large")
            assert len(exchange._left) > 900
        assert exchange.answer.status == 413


def test_the_webhook_secret_is_not_in_the_settings_text(world: World) -> None:
    settings = world.app.door.settings
    assert isinstance(settings, DoorSettings)
    assert "shared with the forge" not in repr(settings)


async def test_log_bytes_of_finished_jobs_are_counted(world: World, client: Client) -> None:
    await client.get("/metrics")
    await world.failed_run(b"x" * 500)

    def tell(tx: Tx) -> None:
        tx.events.append([_finished()])

    await world.store.write(tell)
    assert "flowforge_log_bytes_total 500.0" in (await client.get("/metrics")).text


def _finished() -> NewEvent:
    detail = {"job": "test", "attempt": 1}
    return NewEvent(
        kind=EventKind.JOB_FINISHED, at=EPOCH, run_id=1, job_id=2, status="failure", detail=detail
    )
