"""POST /api/v1/runs: a run that nobody pushed."""

from typing import Any

import pytest

from tests.contract.server.asgi import Client
from tests.contract.server.world import World

START = "/api/v1/runs"


@pytest.fixture(autouse=True)
async def a_project(world: World) -> None:
    await world.push()


async def test_a_run_is_started_and_says_where_it_is(client: Client) -> None:
    answer = await client.post(START, {"project": "tools/saw"})
    assert (answer.status, answer.headers["location"]) == (201, "/api/v1/runs/2")
    run = answer.json
    assert (run["event"], run["branch"], run["commit"], run["status"]) == ("manual", "main", None, "pending")
    assert run["author"] == "local command line"


@pytest.mark.parametrize(
    ("place", "ref"),
    [
        ({"branch": "next"}, "refs/heads/next"),
        ({"tag": "v1"}, "refs/tags/v1"),
        ({"ref": "refs/tags/v2", "commit": "c" * 40}, "refs/tags/v2"),
    ],
)
async def test_a_place_can_be_named(client: Client, place: dict[str, Any], ref: str) -> None:
    answer = await client.post(START, {"project": "tools/saw", "inputs": {"deep": True, "n": 3}, **place})
    assert (answer.status, answer.json["ref"], answer.json["commit"]) == (201, ref, place.get("commit"))


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("ref", "refs/heads/../x"),
        ("ref", "refs/*/x"),
        ("ref", "refs/heads/a b"),
        ("ref", "refs/heads/-x"),
        ("ref", "refs/heads/"),
        ("ref", "refs/pull//head"),
        ("ref", "refs/x"),
        ("ref", "refs/pull/1/head.lock"),
        ("branch", "a b"),
        ("branch", "--upload-pack=touch"),
        ("branch", "a\0b"),
        ("branch", "../x"),
        ("branch", "\ud800"),
        ("tag", "v1^{}"),
        ("tag", "-v1"),
    ],
)
async def test_a_place_that_git_does_not_take_is_refused_by_name(
    client: Client, field: str, name: str
) -> None:
    answer = await client.post(START, {"project": "tools/saw", field: name})
    assert (answer.status, answer.json["field"]) == (422, field)
    assert len((await client.get(START)).json["items"]) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"project": "tools/none"}, 404),
        ({"project": "tools/saw", "pipeline": "other.yml"}, 404),
        ({"project": "tools/saw", "branch": "a", "tag": "b"}, 422),
        ({"project": "tools/saw", "ref": "main"}, 422),
        ({"project": "tools/saw", "ref": "refs/pull/3/head"}, 422),
        ({"project": "tools/saw", "commit": "--upload-pack=x"}, 422),
        ({"project": "tools/saw", "inputs": {"--x": 1}}, 422),
        ({"project": "tools/saw", "inputs": {"x": [1]}}, 422),
        ({"project": "tools/saw", "role": "admin"}, 422),
    ],
)
async def test_what_will_not_do_is_refused(client: Client, body: dict[str, Any], status: int) -> None:
    answer = await client.post(START, body)
    assert answer.status == status, answer.text
    assert len((await client.get(START)).json["items"]) == 1
