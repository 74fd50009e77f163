"""Who may do what: every route, for everyone who may come."""

import json
import re

import pytest
from starlette.routing import Route

from flowforge.model.credential import Credential, CredentialKind, Permission, Role
from flowforge.ports import Tx
from flowforge.server.app import routes
from flowforge.server.guard import guarded
from flowforge.server.permissions import permission_of
from flowforge.services.access import _hash
from flowforge.testing.clock import EPOCH
from tests.contract.server.asgi import Answer, Client
from tests.contract.server.world import PLAIN_COOKIE, World

ROUTES = [route for route in routes() if isinstance(route, Route)]
STREAMS = "/api/v1/events"
SECRET = {"name": "DEPLOY_KEY", "value": "a value to keep", "project": "tools/saw"}
NEEDS_BODY: dict[str, dict[str, object]] = {
    "/api/v1/runs": {"project": "tools/saw"},
    "/runners": {"host": "10.0.0.5"},
    "/api/v1/runners": {"host": "10.0.0.5"},
    "/api/v1/secrets": SECRET,
    "/api/v1/runners/1": {"draining": True},
    "/api/v1/secrets/1": {"value": "another value"},
}


BY_THEMSELVES = {Permission.SIGNED, Permission.RUNNER}
"""What no person's credential opens."""


def _cases() -> list[tuple[str, str, Permission]]:
    return [
        (method, route.path, permission_of(route) or Permission.ADMINISTER)
        for route in ROUTES
        for method in sorted(route.methods or ())
        if permission_of(route) not in BY_THEMSELVES
    ]


def _path(template: str) -> str:
    known = {
        "run_id": "1",
        "run": "1",
        "job": "test",
        "name": "tools/saw",
        "secret": "ffo_x",
        "secret_id": "1",
        "runner_id": "1",
    }
    if template == "/static/{name}":
        return "/static/base.css"
    return re.sub(r"\{(\w+)(?::path)?\}", lambda match: known[match[1]], template)


async def _ask(client: Client, method: str, path: str) -> Answer:
    body = NEEDS_BODY.get(path)
    if path == STREAMS:
        async with client.open(method, path) as exchange:
            await exchange.until(b"")
        return exchange.answer
    if method in {"POST", "PUT", "PATCH"}:
        raw = json.dumps(body if body is not None else {}).encode()
        return await client.send(method, path, {"content-type": "application/json"}, [raw])
    return await client.send(method, path)


async def furnish(world: World) -> None:
    await world.failed_run()
    await world.services.runners.register("10.0.0.7", [])


@pytest.mark.parametrize("who", ["nobody", "local", "browser"])
@pytest.mark.parametrize("path", [r.path for r in ROUTES if permission_of(r) is Permission.RUNNER])
async def test_nobodys_credential_stands_in_for_a_runners_key(world: World, path: str, who: str) -> None:
    clients = {"nobody": world.anyone, "local": await world.local(), "browser": await world.browser()}
    assert (await clients[who].post(path, {})).status == 401


@pytest.mark.parametrize(("method", "template", "wanted"), _cases())
async def test_nobody_gets_public_routes_only(
    world: World, method: str, template: str, wanted: Permission
) -> None:
    await furnish(world)
    answer = await _ask(world.anyone, method, _path(template))
    if wanted is Permission.PUBLIC:
        assert answer.status in {200, 401, 409}
        assert answer.status != 401 or template == "/ui/link/{secret}"
    elif template.startswith("/ui") or template in {"/", "/docs"}:
        assert answer.status in {303, 401}
        assert answer.status == 401 or answer.headers["location"].startswith("/ui/sign-in")
    else:
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("who", ["local", "browser"])
@pytest.mark.parametrize(("method", "template", "wanted"), _cases())
async def test_an_admin_gets_everything(
    world: World, method: str, template: str, wanted: Permission, who: str
) -> None:
    await furnish(world)
    client = await (world.local() if who == "local" else world.browser())
    answer = await _ask(client, method, _path(template))
    if template.endswith("/cancel"):
        assert answer.status == 409, "the run is over"
    elif template.endswith("/approve"):
        assert answer.status in {404, 409}, "nothing waits for an approval"
    elif template == "/ui/link/{secret}":
        assert answer.status in {401, 409}, "no such link"
    elif template.endswith("{secret_id}"):
        assert answer.status == 404, "no such secret"
    else:
        assert answer.status in {200, 201, 303}, (wanted, answer.text)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER, Role.MAINTAINER])
@pytest.mark.parametrize(("method", "template", "wanted"), _cases())
async def test_a_lesser_role_gets_what_it_may(
    world: World, method: str, template: str, wanted: Permission, role: Role
) -> None:
    await furnish(world)
    client = await _as(world, role)
    answer = await _ask(client, method, _path(template))
    allowed = wanted in {Permission.PUBLIC, Permission.SIGNED} or role.may(wanted)
    assert (answer.status == 403) is not allowed


async def _as(world: World, role: Role) -> Client:
    secret = f"ffs_{role}"

    def add(tx: Tx) -> None:
        tx.credentials.add(
            Credential(
                hash=_hash(secret),
                kind=CredentialKind.SESSION,
                organisation_id=1,
                role=role,
                name=role,
                created_at=EPOCH,
            )
        )

    await world.store.write(add)
    return Client(world.app, {"cookie": f"{PLAIN_COOKIE}={secret}", "sec-fetch-site": "same-origin"})


async def test_a_route_that_declares_nothing_serves_nobody(world: World) -> None:
    async def forgotten(request: object) -> None:
        raise AssertionError(f"{request} got through")

    (route,) = guarded([Route("/forgotten", forgotten)])  # type: ignore[arg-type]
    assert isinstance(route, Route)
    world.app._app._app._otherwise.routes.append(route)  # type: ignore[attr-defined]
    assert (await (await world.local()).get("/forgotten")).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "//api/v1/runs",
        "/api/v1/runs/",
        "/api/v1//runs",
        "/api/v1/runs;x=.css",
        "/static/../api/v1/runs",
        "/static/..%2f..%2fapp.py",
        "/health/../api/v1/runs",
        "/API/V1/RUNS",
        "/api/v1/runs%00",
        "/api/v1/runs%2f1",
        "/api/v1/./runs",
        "/webhook/../metrics",
    ],
)
async def test_odd_paths_lead_nowhere(world: World, path: str) -> None:
    await furnish(world)
    assert (await world.anyone.get(path)).status in {401, 404, 405}
