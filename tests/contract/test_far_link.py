"""What the runner link is over HTTP alone: certificates, versions, registration, hostile bodies, sources."""

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from flowforge.adapters.link.address import checked_address, trust
from flowforge.adapters.link.http import HttpLink, register
from flowforge.adapters.link.wire import Wire
from flowforge.engine.capability import sealed
from flowforge.errors import (
    BadInput,
    Forbidden,
    LeaseLost,
    NotServing,
    ProtocolRefused,
    SourceUnavailable,
    Unauthenticated,
    Upstream,
)
from flowforge.model.capability import Capability
from flowforge.model.claim import Claim, Outcome
from flowforge.model.link_call import Offer
from flowforge.model.plan import Plan, PlannedJob
from flowforge.model.source import Source
from flowforge.model.status import Status
from flowforge.services.progress import JOBS
from flowforge.services.reception import expect_protocol
from flowforge.services.runners import Runners
from tests.contract.far_world import FarWorld, far_world
from tests.unit.services.world import REPOSITORY, a_token, order

BASE = "/api/v1/runner-link"
SUCCESS = Outcome(status=Status.SUCCESS)


@pytest.fixture
async def world() -> AsyncIterator[FarWorld]:
    async with far_world() as made:
        yield made


async def token_for(world: FarWorld, host: str) -> str:
    runner = await Runners(world.store, world.clock).register(host, ["linux"])
    return await world.reception.enrolment.token(runner.id)


async def joined(world: FarWorld, host: str) -> tuple[str, HttpLink]:
    """A machine that registered: its key and its link."""
    standing = await register(
        world.wire(), await token_for(world, host), Offer(slots=2, executor="docker", version="1")
    )
    return standing.key, HttpLink(world.wire(), standing.key)


async def claimed(link: HttpLink) -> Claim:
    claim = await link.claim(a_token(), 0)
    assert claim
    return claim


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """An authority of our own, and a server's chain and key."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)

    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    openssl(*new, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "ext").write_text("subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "server.pem", "-days", "2", "-extfile", "ext")  # fmt: skip
    return folder / "ca.pem", folder / "server.pem", folder / "server.key"


@pytest.mark.needs("openssl")
async def test_certificates_are_verified_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    ca, chain, key = certificates(tmp_path)
    async with far_world((chain, key)) as world:
        world.ca = ca
        await world.planned({"build": ""})
        claim = await claimed((await joined(world, "far"))[1])
        assert claim.order.key == "build"
        world.ca = None
        with pytest.raises(Upstream, match="certificate"):
            await HttpLink(world.wire(), "ffr_x").claim(a_token(), 0)
        world.ca, world.url = ca, world.url.replace("localhost", "127.0.0.1")
        with pytest.raises(Upstream, match="certificate"):
            await HttpLink(world.wire(), "ffr_x").claim(a_token(), 0)


def test_a_key_crosses_no_network_in_the_clear(tmp_path: Path) -> None:
    for fine in ("https://ci.example", "http://localhost:5000/", "http://127.0.0.1:1", "http://[::1]:5"):
        assert checked_address(fine, plain=False) == fine.rstrip("/")
    assert checked_address("http://ci.example", plain=True) == "http://ci.example"
    for wrong in (
        "http://ci.example",
        "http://localhost.example",
        "ftp://a",
        "https://a:b@c",
        "https://a?b",
        "x",
    ):
        with pytest.raises(BadInput):
            checked_address(wrong, plain=False)
    with pytest.raises(BadInput, match="FLOWFORGE_RUNNER_CA"):
        trust(tmp_path / "none.pem")


async def test_a_token_makes_one_runner_once(world: FarWorld) -> None:
    token = await token_for(world, "far")
    standing = await register(world.wire(), token, Offer(slots=3, executor="docker", version="9"))
    assert (standing.name, standing.labels, standing.slots, standing.lease_seconds) == (
        "far",
        ("linux",),
        3,
        60,
    )
    assert standing.key.startswith("ffr_")
    for spent in (token, "ffg_none"):
        with pytest.raises(Forbidden):
            await register(world.wire(), spent, Offer())
    for other in (standing.key, "ffs_x", ""):
        with pytest.raises(Unauthenticated):
            await register(world.wire(), other, Offer())
    (known,) = await Runners(world.store, world.clock).all()
    assert standing.key not in repr(known)
    hello = await HttpLink(world.wire(), standing.key).hello(Offer(slots=1))
    assert (hello.slots, hello.key) == (1, "")


async def test_versions_are_agreed_on_or_refused_in_words(world: FarWorld) -> None:
    assert expect_protocol((1, 2, 99)) == 1
    for far, older in (((0,), "runner"), ((), "runner"), ((2, 3), "server")):
        with pytest.raises(ProtocolRefused, match=f"update the {older}"):
            expect_protocol(far)
    key, _ = await joined(world, "far")
    body = {"token": a_token(), "wait": 0}
    async with httpx2.AsyncClient(base_url=world.url, headers={"Authorization": f"Bearer {key}"}) as raw:
        for version in ("0", "2", "", "1.0", "x" * 50, "9" * 500):
            answer = await raw.post(f"{BASE}/claim", json=body, headers={"FlowForge-Link": version})
            assert (answer.status_code, "update the" in answer.json()["detail"]) == (426, True)
    wire = world.wire()
    wire.protocol = 7
    with pytest.raises(Upstream):
        await HttpLink(wire, key).claim(a_token(), 0)


async def test_who_asks_is_known_from_the_key_and_never_from_the_body(world: FarWorld) -> None:
    await world.planned({"build": ""})
    _, first = await joined(world, "a")
    other_key, other = await joined(world, "b")
    lease = (await claimed(first)).lease
    for call in (
        other.resume(lease),
        other.report(lease, []),
        other.append_log(lease, 0, b"x"),
        other.finish(lease, SUCCESS),
    ):
        with pytest.raises(LeaseLost):
            await call
    assert (await world.kinds()).count("attempt.refused") == 4
    headers = {"Authorization": f"Bearer {other_key}", "FlowForge-Link": "1", "X-Runner-Id": "1"}
    async with httpx2.AsyncClient(base_url=world.url, headers=headers) as raw:
        named = await raw.post(f"{BASE}/claim?runner_id=1", json={"token": lease.token, "wait": 0})
        assert named.status_code == 204
        forged = await raw.post(f"{BASE}/claim", json={"token": a_token(), "wait": 0, "runner_id": 1})
        assert forged.status_code == 422
    assert (await world.logs.size(lease.attempt)).bytes == 0
    await first.finish(lease, SUCCESS)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("claim", {"token": "short", "wait": 0}),
        ("claim", {"token": "x" * 129, "wait": 0}),
        ("claim", {"token": "ü" * 20, "wait": 0}),
        ("claim", {"token": "x" * 20, "wait": "1"}),
        ("claim", {"token": "x" * 20, "wait": -1}),
        ("claim", {"token": "x" * 20, "wait": 1e300}),
        ("claim", []),
        ("claim", None),
        ("renew", {"leases": [{"attempt": {"run": 1, "job": 1}, "token": "t"}], "wait": 0}),
        (
            "renew",
            {"leases": [{"attempt": {"run": 1, "job": 1, "number": 1}, "token": "t"}] * 1001, "wait": 0},
        ),
        ("report", {"lease": None, "steps": []}),
        ("finish", {"lease": "LEASE", "outcome": {"status": "running"}}),
        ("finish", {"lease": "LEASE", "outcome": {"status": "success", "cause": "because"}}),
        ("report", {"lease": "LEASE", "steps": [{"index": 0, "status": "pending"}]}),
        ("report", {"lease": "LEASE", "steps": [{"index": 0, "status": "failure", "exit_code": 2**40}]}),
        ("report", {"lease": "LEASE", "steps": [{"index": 0, "status": "failure", "log_start": -1}]}),
        (
            "report",
            {
                "lease": "LEASE",
                "steps": [{"index": 0, "status": "failure", "started_at": "2026-01-01T00:00:00"}],
            },
        ),
        ("report", {"lease": "LEASE", "steps": [{"index": 0, "status": "failure"}] * 2001}),
        ("hello", {"protocols": [1], "offer": {"slots": 1, "labels": ["gpu"]}}),
    ],
)
async def test_a_body_that_makes_no_sense_is_refused(world: FarWorld, call: str, body: object) -> None:
    await world.planned({"build": ""})
    key, link = await joined(world, "a")
    lease = (await claimed(link)).lease
    known = {
        "attempt": {"run": lease.attempt.run, "job": lease.attempt.job, "number": 1},
        "token": lease.token,
    }
    text = json.dumps(body).replace('"LEASE"', json.dumps(known))
    headers = {"Authorization": f"Bearer {key}", "FlowForge-Link": "1", "Content-Type": "application/json"}
    async with httpx2.AsyncClient(base_url=world.url, headers=headers) as raw:
        answer = await raw.post(f"{BASE}/{call}", content=text)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_places_in_a_log_are_numbers_and_its_pieces_small(world: FarWorld) -> None:
    key, _ = await joined(world, "a")
    headers = {"Authorization": f"Bearer {key}", "FlowForge-Link": "1", "FlowForge-Lease": "x"}
    async with httpx2.AsyncClient(base_url=world.url, headers=headers) as raw:
        for query in (
            "",
            "?attempt=1.1.1&offset=-1",
            "?attempt=1.1&offset=0",
            "?attempt=1.1.1&offset=" + "9" * 30,
        ):
            assert (await raw.post(f"{BASE}/log{query}", content=b"x")).status_code == 422
        large = await raw.post(f"{BASE}/log?attempt=1.1.1&offset=0", content=b"x" * (1024 * 1024 + 1))
        assert large.status_code == 413


async def test_nobody_serving_is_told_from_silence(world: FarWorld) -> None:
    wire = Wire("http://127.0.0.1:9", trust(None), "1")
    with pytest.raises(NotServing):
        await HttpLink(wire, "ffr_x").claim(a_token(), 0)
    await wire.aclose()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        wire = Wire(f"http://127.0.0.1:{silent.getsockname()[1]}", trust(None), "1")
        await expect_silence(wire)
        await wire.aclose()


async def expect_silence(wire: Wire) -> None:
    wire.hurry(1)
    with pytest.raises(Upstream, match="keeps silent") as caught:
        await HttpLink(wire, "ffr_x").claim(a_token(), 0)
    assert not isinstance(caught.value, NotServing)


async def test_whoever_hangs_up_while_waiting_is_given_no_job(world: FarWorld) -> None:
    _, link = await joined(world, "a")
    waiting = asyncio.ensure_future(link.claim(a_token(), 30))
    async with asyncio.timeout(20):
        while JOBS not in world.bell._topics:
            await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait((waiting,))
        while JOBS in world.bell._topics:
            await asyncio.sleep(0.01)
    run_id = await world.planned({"build": ""})
    assert await world.statuses(run_id) == {"build": "pending"}


async def with_source(world: FarWorld) -> tuple[HttpLink, Claim]:
    source = Source(origin=REPOSITORY.clone_url, commit="a" * 40, ref="refs/heads/main")
    await world.planned_as(Plan(jobs=(PlannedJob(order=replace(order("build"), source=source)),)))
    _, link = await joined(world, "a")
    return link, await claimed(link)


async def read(world: FarWorld, capability: str) -> bytes:
    return b"".join([chunk async for chunk in world.wire().read(capability)])


async def test_a_source_is_had_by_capability_while_the_attempt_lives(world: FarWorld) -> None:
    world.packs.streams[REPOSITORY.clone_url] = (b"one", b"two")
    link, claim = await with_source(world)
    assert claim.order.source is not None
    capability = claim.order.source.origin
    assert REPOSITORY.clone_url not in repr(claim)
    assert claim.order.source.commit == "a" * 40
    assert await read(world, capability) == b"onetwo"
    again = (await link.resume(claim.lease)).order.source
    assert again is not None
    assert await read(world, again.origin) == b"onetwo"
    world.clock.tick(25 * 3600)
    with pytest.raises(Forbidden):
        await read(world, capability)
    fresh = (await link.resume(claim.lease)).order.source
    assert fresh is not None
    await link.finish(claim.lease, SUCCESS)
    with pytest.raises(Forbidden):
        await read(world, fresh.origin)


async def test_a_capability_for_something_else_opens_no_source(world: FarWorld) -> None:
    world.packs.streams[REPOSITORY.clone_url] = (b"one",)
    _, claim = await with_source(world)
    good = Capability(
        organisation_id=1, attempt=claim.lease.attempt, method="GET", object="source", expires=2**40
    )
    key = b"a key for capabilities"
    assert await read(world, sealed(key, good)) == b"one"
    for other in (replace(good, method="PUT"), replace(good, object="artifact"), replace(good, expires=5)):
        with pytest.raises(Forbidden):
            await read(world, sealed(key, other))
    with pytest.raises(Forbidden):
        await read(world, sealed(b"another key", good))


async def test_a_source_that_cannot_be_had_is_an_error_and_no_torn_answer(world: FarWorld) -> None:
    _, claim = await with_source(world)
    assert claim.order.source is not None
    with pytest.raises(Upstream) as caught:
        await read(world, claim.order.source.origin)
    assert not isinstance(caught.value, SourceUnavailable)


IMPOSSIBLE = (
    "1.1.99999999999999999999",
    "1_0.1.1",
    "-1.1.1",
    "1.1",
    "1.1.1.1",
    "9223372036854775808.1.1",
    "1.1.\u0661",
)


@pytest.mark.parametrize("attempt", IMPOSSIBLE)
async def test_an_attempt_that_no_database_has_is_the_runner_s_mistake(world: FarWorld, attempt: str) -> None:
    key, _ = await joined(world, "10.0.0.5")
    headers = {"authorization": f"Bearer {key}", "flowforge-link": "1"}
    parameters = {"attempt": attempt, "offset": "0"}
    async with httpx2.AsyncClient(base_url=world.url) as http:
        answer = await http.post(f"{BASE}/log", params=parameters, headers=headers, content=b"x")
    assert (answer.status_code, answer.json()["field"]) == (422, "attempt")


@pytest.mark.parametrize("call", ["renew", "resume", "report", "finish"])
@pytest.mark.parametrize("number", [-1, 2**63, 10**30])
async def test_a_lease_that_no_database_has_is_the_runner_s_mistake(
    world: FarWorld, call: str, number: int
) -> None:
    key, _ = await joined(world, "10.0.0.5")
    lease = {"attempt": {"run": 1, "job": 1, "number": number}, "token": a_token()}
    more: dict[str, dict[str, object]] = {
        "report": {"steps": []},
        "finish": {"outcome": {"status": "success"}},
    }
    body = {"leases": [lease], "wait": 0} if call == "renew" else {"lease": lease, **more.get(call, {})}
    headers = {"authorization": f"Bearer {key}", "flowforge-link": "1"}
    async with httpx2.AsyncClient(base_url=world.url) as http:
        answer = await http.post(f"{BASE}/{call}", json=body, headers=headers)
    assert (answer.status_code, answer.json()["field"].split(".")[0][:5]) == (422, "lease")
