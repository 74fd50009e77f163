"""A project's own secret is the only one that counts for it."""

from dataclasses import replace

import pytest

from flowforge.server.app import Unsigned, create_app
from tests.contract.server.asgi import Answer, Client
from tests.contract.server.world import SECRET, SETTINGS, World, new_world
from tests.forge_payloads import DIALECTS, Asked, Dialect, Moved, Repository, Spoken

OWN = "only of this project"
OURS = Repository("https://forge.example", "tools/saw", 1)
THEIRS = Repository("https://forge.example", "tools/axe", 2)


class OneHasItsOwn:
    async def of(self, origin: str, native_id: str) -> bytes | None:
        ours = native_id in (str(OURS.id), OURS.uuid)
        return OWN.encode() if origin == "https://forge.example" and ours else None


@pytest.fixture
def world() -> World:
    made = new_world()
    services = replace(made.services, trust=replace(made.services.trust, hook_secrets=OneHasItsOwn()))
    return replace(made, services=services, app=create_app(services, SETTINGS, made.app.door.reception))


@pytest.fixture(params=sorted(DIALECTS))
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return DIALECTS[request.param]


def push_to(repository: Repository) -> Moved:
    return Moved(repository, "b" * 40, "a" * 40)


async def send(world: World, dialect: Dialect, spoken: Spoken, secret: str, padding: int = 0) -> Answer:
    if padding:
        spoken.payload["padding"] = "x" * padding
    body, headers = dialect.signed(spoken, secret, "d")
    lower = {name.lower(): value for name, value in headers.items()}
    return await world.anyone.send("POST", "/webhook", lower, [body])


async def runs(world: World) -> int:
    return len((await world.services.browse.runs(100)).items)


async def test_its_own_secret_is_taken_and_the_servers_is_not(world: World, dialect: Dialect) -> None:
    refused = await send(world, dialect, dialect.push(push_to(OURS)), SECRET.decode())
    assert (refused.status, await runs(world)) == (401, 0)
    taken = await send(world, dialect, dialect.push(push_to(OURS)), OWN)
    assert (taken.status, await runs(world)) == (200, 1)
    asked = Asked(OURS, THEIRS, "a" * 40)
    assert (await send(world, dialect, dialect.pull(asked), SECRET.decode())).status == 401
    assert (await send(world, dialect, dialect.pull(asked), OWN)).status == 200


async def test_it_opens_no_other_project(world: World, dialect: Dialect) -> None:
    refused = await send(world, dialect, dialect.push(push_to(THEIRS)), OWN)
    assert (refused.status, await runs(world)) == (401, 0)
    assert (await send(world, dialect, dialect.push(push_to(THEIRS)), SECRET.decode())).status == 200


async def test_a_body_too_large_to_be_looked_into_is_not_let_in(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    monkeypatch.setattr("flowforge.server.proof.LOOKED_INTO", 2_000)
    refused = await send(
        world, DIALECTS["github"], DIALECTS["github"].push(push_to(OURS)), OWN, padding=2_000
    )
    assert refused.status == 401


async def test_nothing_unsigned_is_welcome_where_a_project_has_its_own() -> None:
    made = new_world()
    services = replace(made.services, trust=replace(made.services.trust, hook_secrets=OneHasItsOwn()))
    app = create_app(
        services, replace(SETTINGS, unsigned_webhooks=Unsigned.FROM_LOOPBACK), made.app.door.reception
    )
    github = DIALECTS["github"]
    for repository, status in ((OURS, 401), (THEIRS, 200)):
        body, headers = github.signed(github.push(push_to(repository)), "x", "d")
        lower = {k.lower(): v for k, v in headers.items() if "Signature" not in k}
        assert (await Client(app).send("POST", "/webhook", lower, [body])).status == status


async def test_all_refs_of_one_delivery_are_queued_or_ignored_together(world: World) -> None:
    bitbucket = DIALECTS["bitbucket"]
    spoken = bitbucket.push(push_to(THEIRS))
    other = bitbucket.push(Moved(THEIRS, "0" * 40, "c" * 40, "refs/heads/next")).payload["push"]["changes"]
    spoken.payload["push"]["changes"] += other
    answer = await send(world, bitbucket, spoken, SECRET.decode())
    assert answer.json == {"status": "queued", "pipeline_id": 1, "runs": [1, 2]}
    again = await send(world, bitbucket, spoken, SECRET.decode())
    assert again.json == answer.json
    gone = bitbucket.push(Moved(THEIRS, "a" * 40, "0" * 40))
    gone.payload["push"]["changes"] *= 2
    ignored = await send(world, bitbucket, gone, SECRET.decode())
    assert (ignored.status, ignored.json["reason"]) == (202, "the ref was deleted")
