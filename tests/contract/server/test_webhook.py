"""The answers of `POST /webhook`, to the letter."""

import json
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from flowforge.errors import StoreUnavailable
from flowforge.server.app import Unsigned
from tests.contract.server.asgi import Client
from tests.contract.server.world import SETTINGS, World, deliver, new_world, push_body

TRYING = replace(SETTINGS, unsigned_webhooks=Unsigned.FROM_LOOPBACK)


async def runs(world: World) -> int:
    return len((await world.services.browse.runs(100)).items)


async def test_a_push_is_queued_under_its_runs_id(world: World) -> None:
    answer = await deliver(world.anyone, push_body())
    assert answer.status == 200
    assert answer.json == {"status": "queued", "pipeline_id": 1, "runs": [1]}
    assert answer.headers["content-type"] == "application/json"


async def test_a_redelivery_gets_the_first_ones_answer(world: World) -> None:
    first = await deliver(world.anyone, push_body())
    assert (await deliver(world.anyone, push_body())).json == first.json
    assert (await deliver(world.anyone, push_body(), x_github_delivery="another")).json == first.json
    assert await runs(world) == 1


async def test_pushes_without_a_delivery_id_are_told_apart_by_what_they_say(world: World) -> None:
    first = await deliver(world.anyone, push_body(), x_github_delivery="")
    second = await deliver(world.anyone, push_body(after="c" * 40), x_github_delivery="")
    again = await deliver(world.anyone, push_body(after="c" * 40), x_github_delivery="")
    assert [answer.json["pipeline_id"] for answer in (first, second, again)] == [1, 2, 2]


@pytest.mark.parametrize(
    ("changes", "event", "reason"),
    [
        ({}, "issues", "unsupported event"),
        ({}, "ping", "a ping"),
        ({"deleted": True, "after": "0" * 40}, "push", "the ref was deleted"),
        ({"head_commit": {"message": "typo [skip ci]"}}, "push", "the commit's message asks to skip"),
    ],
)
async def test_what_starts_nothing_is_ignored(
    world: World, changes: dict[str, object], event: str, reason: str
) -> None:
    answer = await deliver(world.anyone, push_body(**changes), x_github_event=event)
    assert answer.status == 202
    assert answer.json == {"status": "ignored", "reason": reason}
    assert await runs(world) == 0


@pytest.mark.parametrize("field", ["repository", "ref", "after"])
async def test_what_lacks_a_field_is_refused_by_its_name(world: World, field: str) -> None:
    body = push_body()
    del body[field]
    answer = await deliver(world.anyone, body)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["field"] == field
    assert field in answer.json["detail"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"' * 1000, b"[" * 20_000, b"\xff\xfe", b'{"a":NaN}']
)
async def test_what_is_not_a_json_object_is_refused(world: World, body: bytes) -> None:
    answer = await deliver(world.anyone, body)
    assert answer.status == 400
    assert answer.json["status"] == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"x_hub_signature_256": ""},
        {"x_hub_signature_256": "sha256=" + "0" * 64},
        {"x_hub_signature_256": "", "x_hub_signature": "sha1=" + "0" * 40},
        {"x_hub_signature_256": "", "x_github_event": ""},
        {"x_hub_signature_256": "", "x_github_event": "ping"},
        {"x_hub_signature_256": "", "x_gitlab_event": "Push Hook", "x_github_event": ""},
    ],
)
async def test_what_is_not_signed_is_refused_and_not_read(world: World, headers: dict[str, str]) -> None:
    answer = await deliver(world.anyone, push_body(), **headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert await runs(world) == 0


async def test_the_signature_is_over_the_raw_bytes(world: World) -> None:
    body = json.dumps(push_body(), indent=3).encode()
    assert (await deliver(world.anyone, body)).status == 200


async def test_a_doubled_signature_matches_nothing(world: World) -> None:
    good = await deliver(world.anyone, push_body())
    assert good.status == 200
    client = world.anyone
    scope = client.scope("POST", "/webhook", {"x-github-event": "push"})
    scope["headers"] += [(b"x-hub-signature-256", b"sha256=" + b"0" * 64)] * 2
    original, client.scope = client.scope, lambda *_: scope  # type: ignore[method-assign]
    assert (await client.send("POST", "/webhook", {}, [b"{}"])).status == 401
    assert original


async def test_a_signed_delivery_that_names_no_event_is_unreadable(world: World) -> None:
    answer = await deliver(world.anyone, push_body(), x_github_event="")
    assert answer.status == 400


async def test_a_form_with_the_payload_in_it_is_read(world: World) -> None:
    body = urlencode({"payload": json.dumps(push_body())}).encode()
    answer = await deliver(world.anyone, body, content_type="application/x-www-form-urlencoded")
    assert answer.json == {"status": "queued", "pipeline_id": 1, "runs": [1]}


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", ""])
async def test_the_content_type_does_not_matter(world: World, kind: str) -> None:
    assert (await deliver(world.anyone, push_body(), content_type=kind)).status == 200


class TestUnsigned:
    UNSIGNED = {"x_hub_signature_256": ""}

    async def test_it_is_taken_from_loopback_when_the_setting_says_so(self) -> None:
        assert (await deliver(new_world(TRYING).anyone, push_body(), **self.UNSIGNED)).status == 200

    async def test_it_is_not_taken_from_elsewhere(self) -> None:
        elsewhere = Client(new_world(TRYING).app, address="10.0.0.9")
        assert (await deliver(elsewhere, push_body(), **self.UNSIGNED)).status == 401

    @pytest.mark.parametrize("name", ["forwarded", "x_forwarded_for", "x_real_ip", "via", "origin"])
    async def test_it_is_not_taken_for_somebody_else(self, name: str) -> None:
        headers = {**self.UNSIGNED, name: "10.0.0.9"}
        assert (await deliver(new_world(TRYING).anyone, push_body(), **headers)).status == 401

    async def test_a_wrong_signature_stays_wrong(self) -> None:
        headers = {"x_hub_signature_256": "sha256=" + "0" * 64}
        assert (await deliver(new_world(TRYING).anyone, push_body(), **headers)).status == 401

    async def test_one_without_any_event_is_unreadable(self) -> None:
        headers = {**self.UNSIGNED, "x_github_event": ""}
        assert (await deliver(new_world(TRYING).anyone, push_body(), **headers)).status == 400


class TestSize:
    LIMIT = SETTINGS.webhook_max_bytes

    async def test_a_declared_length_over_the_limit_is_refused_unread(self, world: World) -> None:
        answer = await world.anyone.send("POST", "/webhook", {"content-length": str(self.LIMIT + 1)}, [])
        assert answer.status == 413

    async def test_a_length_that_no_number_holds_is_refused(self, world: World) -> None:
        answer = await world.anyone.send("POST", "/webhook", {"content-length": "9" * 5000}, [])
        assert answer.status == 413

    async def test_chunks_are_counted_while_they_come(self, world: World) -> None:
        chunks = [b"x" * 1024] * 100_000
        async with world.anyone.open("POST", "/webhook", sent=chunks) as exchange:
            await exchange.until(b"Too Large")
            assert len(exchange._left) > 99_000
        assert exchange.answer.status == 413

    async def test_a_lie_about_the_length_does_not_help(self, world: World) -> None:
        chunks = [b"x" * self.LIMIT, b"x"]
        assert (await world.anyone.send("POST", "/webhook", {"content-length": "5"}, chunks)).status == 413

    async def test_a_body_at_the_limit_is_read(self, world: World) -> None:
        body = json.dumps(push_body()).encode()
        assert (await deliver(world.anyone, body + b" " * (self.LIMIT - len(body)))).status == 200


async def test_a_busy_store_asks_to_come_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(*_: object, **__: object) -> None:
        raise StoreUnavailable("too much waits", retry_after=3)

    monkeypatch.setattr(world.store, "write", busy)
    answer = await deliver(world.anyone, push_body())
    assert answer.status == 503
    assert answer.headers["retry-after"] == "3"


async def test_other_methods_are_refused(world: World) -> None:
    answer = await world.anyone.get("/webhook")
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
    assert answer.json["status"] == 405
