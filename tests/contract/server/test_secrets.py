"""Secrets over the API: names go out, values go in."""

import json
from typing import Any

import pytest

from flowforge.model.credential import Role
from tests.contract.server.asgi import Answer, Client
from tests.contract.server.test_permissions import _as
from tests.contract.server.world import World

VALUE = "canary-0123456789"


async def ask(client: Client, method: str, path: str, body: object) -> Answer:
    raw = json.dumps(body).encode()
    answer = await client.send(method, path, {"content-type": "application/json"}, [raw])
    assert VALUE not in answer.text
    return answer


def wanted(**changes: Any) -> dict[str, Any]:
    return {"name": "DEPLOY_KEY", "value": VALUE, **changes}


async def test_a_secret_is_made_listed_changed_and_removed_without_ever_coming_back(
    world: World, client: Client
) -> None:
    await world.push()
    made = await ask(client, "POST", "/api/v1/secrets", wanted(project="tools/saw", branch="release/*"))
    assert made.status == 201
    secret = made.json
    assert secret == {
        "id": 1,
        "kind": "job",
        "name": "DEPLOY_KEY",
        "project": "tools/saw",
        "environment": None,
        "branch": "release/*",
        "group": None,
        "version": 1,
        "masked": True,
        "created_at": secret["created_at"],
        "updated_at": secret["updated_at"],
        "updated_by": "local command line",
    }
    again = await ask(client, "POST", "/api/v1/secrets", wanted(project="tools/saw", branch="release/*"))
    assert again.status == 409
    put = await ask(client, "PUT", "/api/v1/secrets", wanted(project="tools/saw", branch="release/*"))
    assert (put.status, put.json["id"], put.json["version"]) == (200, 1, 2)
    changed = await ask(client, "PATCH", "/api/v1/secrets/1", {"value": "12345"})
    assert (changed.json["version"], changed.json["masked"]) == (3, False)
    listed = await client.get("/api/v1/secrets?project=tools/saw")
    assert listed.json == {"items": [changed.json], "next": None}
    assert (await client.send("DELETE", "/api/v1/secrets/1")).status == 204
    assert (await client.send("DELETE", "/api/v1/secrets/1")).status == 404
    assert (await client.get("/api/v1/secrets")).json["items"] == []


async def test_a_long_list_comes_in_pages(client: Client) -> None:
    for number in range(3):
        await ask(client, "POST", "/api/v1/secrets", wanted(name=f"KEY_{number}"))
    first = (await client.get("/api/v1/secrets?limit=2")).json
    second = (await client.get(f"/api/v1/secrets?limit=2&cursor={first['next']}")).json
    names = [secret["name"] for secret in (*first["items"], *second["items"])]
    assert (names, second["next"]) == (["KEY_2", "KEY_1", "KEY_0"], None)


async def test_a_maintainer_writes_secrets_of_projects_only(world: World) -> None:
    await world.push()
    admin, maintainer = await world.local(), await _as(world, Role.MAINTAINER)
    assert (await ask(admin, "POST", "/api/v1/secrets", wanted())).status == 201
    assert (await ask(maintainer, "POST", "/api/v1/secrets", wanted(project="tools/saw"))).status == 201
    for method, path, body in (
        ("POST", "/api/v1/secrets", wanted(name="OTHER")),
        ("PUT", "/api/v1/secrets", wanted(group="registry")),
        ("PATCH", "/api/v1/secrets/1", {"value": VALUE}),
        ("DELETE", "/api/v1/secrets/1", {}),
        ("POST", "/api/v1/secrets/rotate-key", {}),
    ):
        assert (await ask(maintainer, method, path, body)).status == 403, path
    assert (await ask(maintainer, "PATCH", "/api/v1/secrets/2", {"value": VALUE})).status == 200
    assert len((await maintainer.get("/api/v1/secrets")).json["items"]) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "../other/KEY"}, "name"),
        ({"name": "A B"}, "name"),
        ({"value": ""}, "value"),
        ({"value": [VALUE]}, "value"),
        ({"value": {VALUE: 1}}, "value"),
        ({"kind": "password"}, "kind"),
        ({"group": "g", "project": "tools/saw"}, "group"),
        ({"branch": "a b"}, "branch"),
        ({"environment": "a b"}, "environment"),
        ({"more": VALUE}, "more"),
    ],
)
async def test_what_is_wrong_is_named_and_no_value_is_repeated(
    world: World, client: Client, change: dict[str, Any], field: str
) -> None:
    await world.push()
    answer = await ask(client, "POST", "/api/v1/secrets", wanted(**change))
    assert (answer.status, answer.json["field"]) == (422, field), answer.text


@pytest.mark.parametrize("path", ["/api/v1/secrets/0", "/api/v1/secrets/x", "/api/v1/secrets/..%2f1"])
async def test_an_id_that_is_none_finds_nothing(client: Client, path: str) -> None:
    assert (await ask(client, "PATCH", path, {"value": VALUE})).status == 404


async def test_too_large_a_value_and_an_unknown_project_are_refused(client: Client) -> None:
    large = await ask(client, "POST", "/api/v1/secrets", wanted(value="x" * 65_537))
    assert large.status == 413
    nowhere = await ask(client, "POST", "/api/v1/secrets", wanted(project="no/body"))
    assert nowhere.status == 404


async def test_the_master_key_is_rotated(client: Client) -> None:
    await ask(client, "POST", "/api/v1/secrets", wanted())
    rotated = await ask(client, "POST", "/api/v1/secrets/rotate-key", {})
    assert (rotated.status, rotated.json) == (200, {"version": 2, "resealed": 1})
