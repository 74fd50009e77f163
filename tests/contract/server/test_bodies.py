"""Bodies that cannot be read, and those that can and are wrong."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.server.asgi import Answer, Client
from tests.contract.server.world import World

JSON = "application/json"
PLACES = ("/api/v1/runners", "/api/v1/links", "/api/v1/runs/1/cancel", "/api/v1/runs/1/rerun")


async def send(client: Client, path: str, body: bytes, kind: str = JSON) -> Answer:
    return await client.send("POST", path, {"content-type": kind} if kind else {}, [body])


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "line 1, column 2"),
        (b"no", "not JSON"),
        (b" ", "not JSON"),
        (b'{"host": NaN}', "NaN"),
        (b'{"host": "\xff"}', "UTF-8"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"host": ' + b"9" * 5_000 + b"}", "5000 digits"),
    ],
)
async def test_what_cannot_be_read_is_told(
    world: World, client: Client, path: str, body: bytes, why: str
) -> None:
    await world.push()
    answer = await send(client, path, body)
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert why in answer.json["detail"]
    assert "field" not in answer.json


@pytest.mark.parametrize("depth", range(850, 1000, 10))
async def test_no_depth_of_nesting_is_our_failure(client: Client, depth: int) -> None:
    answer = await send(client, "/api/v1/runners", b'{"host":' + b"[" * depth + b"]" * depth + b"}")
    assert answer.status in (400, 422)
    assert "read" in answer.json["detail"] or "host" in answer.json["detail"]


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_json_that_is_not_called_so_is_told_what_to_send(client: Client, path: str, kind: str) -> None:
    answer = await send(client, path, b"{}", kind)
    assert answer.status == 400
    assert "send Content-Type: application/json" in answer.json["detail"]


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"]
)
async def test_other_spellings_of_json_are_taken(client: Client, kind: str) -> None:
    assert (await send(client, "/api/v1/runners", b'{"host": "a"}', kind)).status == 201


async def test_a_body_that_is_missing_is_named(client: Client) -> None:
    answer = await send(client, "/api/v1/runners", b"", "")
    assert (answer.status, answer.json["field"]) == (422, "body")


async def test_cancelling_takes_no_fields(world: World, client: Client) -> None:
    run = await world.push()
    answer = await client.post(f"/api/v1/runs/{run}/cancel", {"why": "late"})
    assert (answer.status, answer.json["field"]) == (422, "why")
    assert (await client.get(f"/api/v1/runs/{run}")).json["status"] == "pending"


@pytest.mark.parametrize(("body", "kind"), [(b"", ""), (b"", JSON), (b"{}", JSON)])
async def test_cancelling_needs_no_body(world: World, client: Client, body: bytes, kind: str) -> None:
    run = await world.push()
    assert (await send(client, f"/api/v1/runs/{run}/cancel", body, kind)).status == 200


def _with_half_a_character(schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Each field of a body's form that takes text, alone with half a surrogate pair."""
    form = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    for inner in form.get("anyOf", ()):
        yield from _with_half_a_character(inner, schemas)
    for name, field in form.get("properties", {}).items():
        said = json.dumps(field)
        if '"array"' in said:
            yield f"{name}.0", {name: ["\ud800"]}
        elif '"object"' in said:
            yield f"{name}.a", {name: {"a": "\ud800"}}
        elif '"string"' in said or "$ref" in said:
            yield name, {name: "a\udfffb"}


async def test_half_a_character_is_refused_by_name_in_every_field_of_the_api(
    world: World, client: Client
) -> None:
    await world.push()
    described = (await client.get("/openapi.json")).json
    asked = 0
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            form = route.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema")
            for field, body in (
                _with_half_a_character(form, described["components"]["schemas"]) if form else ()
            ):
                place = path.replace("{run_id}", "1").replace("{secret_id}", "1").replace("{runner_id}", "1")
                sent = [json.dumps(body).encode()]
                answer = await client.send(method.upper(), place, {"content-type": JSON}, sent)
                assert (answer.status, answer.json.get("field")) == (422, field), (method, path)
                asked += 1
    assert asked > 15


@pytest.mark.parametrize("body", [b'{"a\\ud800": 1}', b'"\\udfff"', b'{"host": "\xed\xa0\x80"}'])
async def test_half_a_character_is_refused_however_it_is_spelled(client: Client, body: bytes) -> None:
    assert (await send(client, "/api/v1/runners", body)).status == 422
