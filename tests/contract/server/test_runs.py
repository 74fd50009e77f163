"""Runs, runners and projects over REST."""

import pytest

from tests.contract.server.asgi import Client
from tests.contract.server.world import World

RUN_KEYS = [
    "id",
    "number",
    "provider",
    "repository",
    "commit",
    "branch",
    "ref",
    "event",
    "title",
    "author",
    "status",
    "cause",
    "reason",
    "url",
    "created_at",
    "started_at",
    "finished_at",
    "duration_seconds",
    "attempt",
]
JOB_KEYS = [
    "id",
    "name",
    "status",
    "cause",
    "needs",
    "runner",
    "image",
    "started_at",
    "finished_at",
    "duration_seconds",
    "steps",
]


async def test_a_run_says_everything_there_is(world: World, client: Client) -> None:
    run = (await client.get(f"/api/v1/runs/{await world.failed_run()}")).json
    assert set(RUN_KEYS) < set(run)
    assert {key: run[key] for key in RUN_KEYS} == {
        "id": 1,
        "number": 1,
        "provider": "local",
        "repository": "tools/saw",
        "commit": "a" * 40,
        "branch": "main",
        "ref": "refs/heads/main",
        "event": "push",
        "title": "Sharpen the saw",
        "author": "someone",
        "status": "failure",
        "cause": "exit",
        "reason": "test failed",
        "url": "https://ci.example/ui/pipelines/1",
        "created_at": "2026-01-01T00:00:00Z",
        "started_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:00:07Z",
        "duration_seconds": 7.0,
        "attempt": 1,
    }
    passed, failed, skipped = run["jobs"]
    assert set(JOB_KEYS) < set(failed)
    assert (passed["status"], passed["cause"]) == ("success", None)
    assert (failed["name"], failed["cause"], failed["needs"]) == ("test", "exit", ["build"])
    assert [(s["name"], s["status"], s["exit_code"]) for s in failed["steps"]] == [
        ("Checkout", "success", 0),
        ("Check", "failure", 2),
    ]
    assert (skipped["cause"], skipped["runner"], skipped["duration_seconds"]) == ("needs", None, None)


async def test_a_new_run_has_nulls_where_nothing_is_known(world: World, client: Client) -> None:
    run = (await client.get(f"/api/v1/runs/{await world.push(head_commit=None)}")).json
    nulls = {key for key, value in run.items() if value is None}
    assert nulls == {
        "title", "author", "cause", "reason", "started_at", "finished_at", "duration_seconds", "rerun_of",
        "group", "gate", "config_digest", "approval",
    }  # fmt: skip
    assert run["jobs"] == []


async def test_both_paths_answer_the_same(world: World, client: Client) -> None:
    run = await world.failed_run()
    for query in ("?limit=1", "?status=failure", "?branch=none"):
        assert (await client.get(f"/pipelines{query}")).json == (
            await client.get(f"/api/v1/runs{query}")
        ).json
    assert (await client.get(f"/pipelines/{run}")).json == (await client.get(f"/api/v1/runs/{run}")).json
    assert (await client.get("/runners")).json == (await client.get("/api/v1/runners")).json


async def test_lists_are_paged_newest_first(world: World, client: Client) -> None:
    for n in range(25):
        await world.push(after=f"{n:040x}"[::-1].replace("0", "1"), before=f"{n + 1:040x}")
    first = (await client.get("/api/v1/runs")).json
    assert [run["id"] for run in first["items"]] == list(range(25, 5, -1))
    assert all("jobs" not in run for run in first["items"])
    second = (await client.get(f"/api/v1/runs?cursor={first['next']}")).json
    assert [run["id"] for run in second["items"]] == [5, 4, 3, 2, 1]
    assert second["next"] is None


async def test_lists_are_filtered(world: World, client: Client) -> None:
    await world.failed_run()
    await world.push(ref="refs/heads/next", after="c" * 40)

    async def ids(query: str) -> list[int]:
        return [run["id"] for run in (await client.get(f"/api/v1/runs?{query}")).json["items"]]

    assert await ids("branch=next") == [2]
    assert await ids("status=failure") == [1]
    assert await ids("project=tools/saw") == [2, 1]
    assert await ids("project=tools/saw&status=failure&branch=next") == []
    assert (await client.get("/api/v1/runs?project=no/such")).status == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=1e1", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=-1", "cursor"),
        ("cursor=" + "9" * 30, "cursor"),
        ("status=broken", "status"),
        ("branch=" + "x" * 501, "branch"),
    ],
)
async def test_a_wrong_query_is_named(client: Client, query: str, field: str) -> None:
    answer = await client.get(f"/api/v1/runs?{query}")
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["field"] == field
    assert answer.json["errors"][0]["field"] == field


@pytest.mark.parametrize(
    "id", ["9", "0", "-1", "abc", "1.5", "9" * 30, "9" * 5000, "%00", "1%0a", "٣", "1e3"]
)
async def test_what_no_run_is_called_is_not_found(client: Client, id: str) -> None:
    for path in (f"/api/v1/runs/{id}", f"/api/v1/runs/{id}/jobs/x/log"):
        assert (await client.get(path)).status == 404
    for verb in ("cancel", "rerun"):
        assert (await client.post(f"/api/v1/runs/{id}/{verb}")).status == 404


async def test_cancelling_stops_a_run_and_says_who(world: World, client: Client) -> None:
    run = await world.push()
    answer = await client.post(f"/api/v1/runs/{run}/cancel", {})
    assert answer.status == 200
    assert (answer.json["status"], answer.json["cause"]) == ("cancelled", "cancelled")
    assert "local command line" in answer.json["reason"]
    assert (await client.post(f"/api/v1/runs/{run}/cancel")).status == 409


async def test_a_rerun_is_a_new_run_that_names_the_old_one(world: World, client: Client) -> None:
    run = await world.failed_run()
    answer = await client.post(f"/api/v1/runs/{run}/rerun")
    assert answer.status == 201
    assert answer.headers["location"] == "/api/v1/runs/2"
    assert (answer.json["rerun_of"], answer.json["attempt"], answer.json["number"]) == (1, 2, 2)
    assert (await client.post("/api/v1/runs/2/rerun")).status == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"failed": "yes"}, "failed"),
        ({"failed": True, "job": "test"}, "job"),
        ({"job": ""}, "job"),
        ({"everything": True}, "everything"),
        ({"job": 3}, "job"),
    ],
)
async def test_what_a_rerun_cannot_do_is_named(
    world: World, client: Client, body: dict[str, object], field: str
) -> None:
    run = await world.failed_run()
    answer = await client.post(f"/api/v1/runs/{run}/rerun", body)
    assert answer.status == 422
    assert field in answer.json["field"]


async def test_a_runner_is_registered_and_listed(client: Client) -> None:
    answer = await client.post("/runners", {"host": "10.0.0.5", "labels": ["linux", "arm64"]})
    assert answer.status == 201
    assert (answer.json["host"], answer.json["labels"]) == ("10.0.0.5", ["linux", "arm64"])
    assert (answer.json["status"], answer.json["seen_at"]) == ("registered", None)
    again = await client.post("/api/v1/runners", {"host": "10.0.0.5"})
    assert (again.json["id"], again.json["labels"]) == (answer.json["id"], [])
    known = again.json
    token = known.pop("token")
    assert known.pop("token_expires_in_seconds") == 3600
    assert token.startswith("ffg_")
    assert token != answer.json["token"]
    assert (await client.get("/runners")).json == {"items": [known], "next": None}


async def test_a_runner_is_bound_by_an_admin_and_drained(client: Client, world: World) -> None:
    await world.push()
    terms = {"host": "10.0.0.5", "projects": ["tools/saw"], "slots": 3, "trusted_only": True}
    bound = (await client.post("/api/v1/runners", terms)).json
    assert (bound["projects"], bound["trusted_only"], bound["draining"]) == ([1], True, False)
    for wrong in ({"projects": ["nobody/none"]}, {"projects": ["9"]}, {"slots": -1}, {"labels": ["a b"]}):
        assert (await client.post("/api/v1/runners", {"host": "10.0.0.5", **wrong})).status == 422
    json = {"content-type": "application/json"}
    path = f"/api/v1/runners/{bound['id']}"
    drained = await client.send("PATCH", path, json, [b'{"draining": true}'])
    assert (drained.status, drained.json["draining"]) == (200, True)
    assert (await client.send("PATCH", "/api/v1/runners/99", json, [b'{"draining": true}'])).status == 404


async def test_the_servers_own_runner_gets_labels_and_no_token(client: Client, world: World) -> None:
    await world.services.runners.enrol_local(2, "docker", "a" * 32)
    own = await client.post("/api/v1/runners", {"host": "localhost", "labels": ["linux"]})
    assert (own.status, own.json["name"], own.json["labels"], own.json["token"]) == (
        201,
        "local",
        ["linux"],
        None,
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "host"),
        ({"host": ""}, "host"),
        ({"host": "a b"}, "host"),
        ({"host": "local"}, "host"),
        ({"host": 5}, "host"),
        ({"host": "a", "labels": "linux"}, "labels"),
        ({"host": "a", "labels": ["<b>"]}, "labels"),
        ({"host": "a", "labels": [1]}, "labels.0"),
        ({"host": "a", "role": "admin"}, "role"),
        ([], "body"),
    ],
)
async def test_a_wrong_runner_is_refused_by_field(client: Client, body: object, field: str) -> None:
    answer = await client.post("/api/v1/runners", body)
    assert answer.status == 422
    assert answer.json["field"] == field


async def test_projects_name_their_last_run(world: World, client: Client) -> None:
    await world.failed_run()
    (project,) = (await client.get("/api/v1/projects")).json["items"]
    assert (project["name"], project["forge"]) == ("tools/saw", "github")
    assert (project["last_run"]["id"], project["last_run"]["status"]) == (1, "failure")
