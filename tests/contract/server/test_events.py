"""The event stream."""

import json

import pytest

from flowforge.server import live
from tests.contract.server.asgi import Client
from tests.contract.server.world import World

PATH = "/api/v1/events"


def frames(body: bytes) -> list[dict[str, str]]:
    """As a browser reads them; comments and blocks without data are none."""
    found = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append(fields)
    return found


async def test_changes_come_as_they_become_true(world: World, client: Client) -> None:
    await world.push()
    async with client.open("GET", PATH) as exchange:
        await exchange.until(b"retry")
        run = await world.push(after="c" * 40)
        body = await exchange.until(b"run.created")
    assert exchange.answer.headers["content-type"].startswith("text/event-stream")
    (frame,) = frames(body)
    assert (frame["event"], frame["id"]) == ("run.created", "memory-2")
    data = json.loads(frame["data"])
    assert data == {
        "number": 2,
        "run_id": run,
        "job_id": None,
        "status": "pending",
        "at": "2026-01-01T00:00:00Z",
    }


async def test_a_reader_goes_on_where_it_was(world: World, client: Client) -> None:
    for n in range(5):
        await world.push(after=f"{n + 1}" * 40)
    async with client.open("GET", PATH, {"last-event-id": "memory-3"}) as exchange:
        body = await exchange.until(b"memory-5")
    assert [frame["id"] for frame in frames(body)] == ["memory-4", "memory-5"]


@pytest.mark.parametrize(
    "last",
    ["other-3", "memory-99", "memory-x", "memory-", "3", "memory--1", "memory-٣", "memory-" + "9" * 40],
)
async def test_one_of_another_history_is_told_to_begin_anew(world: World, client: Client, last: str) -> None:
    await world.push()
    header = last.encode().decode("latin-1")
    async with client.open("GET", PATH, {"last-event-id": header}) as exchange:
        await exchange.until(b"reset")
        await world.push(after="c" * 40)
        body = await exchange.until(b"run.created")
    reset, created = frames(body)
    assert (reset["event"], reset["id"], reset["data"]) == ("reset", "memory-1", "{}")
    assert created["id"] == "memory-2"


async def test_one_run_can_be_watched_alone(world: World, client: Client) -> None:
    await world.push()
    other = await world.push(after="c" * 40)
    await client.post(f"/api/v1/runs/{other}/cancel")
    async with client.open("GET", f"{PATH}?run={other}", {"last-event-id": "memory-0"}) as exchange:
        body = await exchange.until(b"run.finished")
    assert {json.loads(frame["data"])["run_id"] for frame in frames(body)} == {other}


async def test_silence_is_broken_by_comments(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 0.01)
    await world.push()
    async with client.open("GET", PATH) as exchange:
        body = await exchange.until(b": still here\nid: memory-1\n\n")
    assert frames(body) == []


async def test_the_stream_ends_in_order_when_the_server_does(world: World, client: Client) -> None:
    async with client.open("GET", PATH) as exchange:
        await exchange.until(b"retry")
        world.app.door.closing.begin()
        async with exchange.changed:
            await exchange.changed.wait_for(lambda: exchange.answer.complete)


async def test_texts_of_others_cannot_forge_an_event(world: World, client: Client) -> None:
    run = await world.push()
    await world.services.control.cancel(run, "x\n\nevent: forged\ndata: {}")
    async with client.open("GET", PATH, {"last-event-id": "memory-0"}) as exchange:
        body = await exchange.until(b"run.finished")
    assert "forged" not in {frame["event"] for frame in frames(body)}


async def test_a_wrong_run_is_refused(client: Client) -> None:
    assert (await client.get(f"{PATH}?run=x")).json["field"] == "run"
