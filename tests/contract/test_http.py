"""The port `Http`: what fake and real share, and what only a real network can do."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import httpcore2
import pytest

from flowforge.adapters.http.client import HttpClient
from flowforge.adapters.http.limits import HttpLimits
from flowforge.errors import BadInput, Upstream
from flowforge.model.http import HttpAnswer, HttpRequest, Repeat
from flowforge.ports import Http
from flowforge.testing.http import FakeHttp
from tests.raw_server import Play, RawServer, plainly, raw_server

QUICK = HttpLimits(silence_seconds=0.2, connect_seconds=1, total_seconds=5, first_pause_seconds=0.001)


def asking(server: RawServer, path: str = "/x?y=1", **changes: object) -> HttpRequest:
    return replace(HttpRequest(method="GET", url=server.origin + path), **changes)


@asynccontextmanager
async def real(*plays: Play, limits: HttpLimits = QUICK) -> AsyncIterator[tuple[HttpClient, RawServer]]:
    async with raw_server(*plays) as server:
        client = HttpClient(frozenset({f"127.0.0.1:{server.port}"}), limits, jitter=lambda: 0.5)
        try:
            yield client, server
        finally:
            await client.aclose()


async def silent(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(1)


async def cut(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


async def nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-nothing\r\n\r\n")


async def hang_up(_writer: asyncio.StreamWriter) -> None:
    return


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(800):
        writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        await writer.drain()


async def trickle(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


@asynccontextmanager
async def fake_with(answer: HttpAnswer | Exception) -> AsyncIterator[tuple[Http, str]]:
    yield FakeHttp([answer]), "https://forge.example"


@asynccontextmanager
async def real_with(answer: HttpAnswer | Exception) -> AsyncIterator[tuple[Http, str]]:
    play = (
        hang_up
        if isinstance(answer, Exception)
        else plainly(f"{answer.status} X", answer.body, **answer.headers)
    )
    async with real(play) as (client, server):
        yield client, server.origin


@pytest.fixture(params=[fake_with, real_with])
def with_answer(request: pytest.FixtureRequest):
    return request.param


class TestEveryHttp:
    @pytest.mark.parametrize("status", [200, 201, 404, 429, 500])
    async def test_an_answer_is_a_value_whatever_its_status(self, with_answer, status: int) -> None:
        told = HttpAnswer(status=status, headers={"retry-after": "7"}, body=b"body")
        async with with_answer(told) as (http, origin):
            answer = await http.send(HttpRequest(method="GET", url=f"{origin}/x"))
        assert (answer.status, answer.body, answer.headers["retry-after"]) == (status, b"body", "7")

    async def test_no_answer_is_an_upstream_error(self, with_answer) -> None:
        async with with_answer(Upstream("nobody there")) as (http, origin):
            with pytest.raises(Upstream):
                await http.send(HttpRequest(method="GET", url=f"{origin}/x"))


async def test_a_request_arrives_as_it_was_meant() -> None:
    async with real(plainly("201 Created", X_Test="Yes")) as (client, server):
        answer = await client.send(
            asking(server, method="POST", body=b"{}", token="t0ken", headers={"X-A": "b"})
        )
    (head, body), lines = server.heard[0], server.heard[0][0].split("\r\n")
    assert head.startswith("POST /x?y=1 HTTP/1.1\r\n")
    assert {"Authorization: Bearer t0ken", "X-A: b", f"Host: 127.0.0.1:{server.port}"} <= set(lines)
    assert any(line.startswith("User-Agent: flowforge/") for line in lines)
    assert body == b"{}"
    assert answer.headers["x-test"] == "Yes"


async def test_html_with_200_is_only_an_answer() -> None:
    async with real(plainly("200 OK", b"<html>", Content_Type="text/html")) as (client, server):
        assert (await client.send(asking(server))).body == b"<html>"


@pytest.mark.parametrize("play", [silent, cut, nonsense, hang_up, plainly("503 Busy")])
async def test_a_safe_request_is_sent_again_after_trouble(play: Play) -> None:
    async with real(play, plainly("200 OK", b"at last")) as (client, server):
        answer = await client.send(asking(server, repeat=Repeat.SAFE))
    assert answer.body == b"at last"
    assert len(server.heard) == 2


@pytest.mark.parametrize("play", [silent, cut, nonsense, hang_up])
async def test_a_request_that_is_not_safe_is_sent_once(play: Play) -> None:
    async with real(play) as (client, server):
        with pytest.raises(Upstream) as caught:
            await client.send(asking(server, token="t0ken"))
    assert len(server.heard) == 1
    assert not caught.value.final
    assert "t0ken" not in str(caught.value)


async def test_trouble_that_stays_is_handed_on_after_a_few_tries() -> None:
    async with real(plainly("502 Bad")) as (client, server):
        assert (await client.send(asking(server, repeat=Repeat.SAFE))).status == 502
    assert len(server.heard) == QUICK.tries


async def test_a_server_that_names_its_time_is_not_asked_again() -> None:
    async with real(plainly("503 Busy", Retry_After="60")) as (client, server):
        answer = await client.send(asking(server, repeat=Repeat.SAFE))
    assert answer.headers["retry-after"] == "60"
    assert len(server.heard) == 1


@pytest.mark.parametrize("play", [endless, plainly("200 OK", b"x" * (6 << 20))])
async def test_an_answer_that_is_too_large_is_refused_for_good(play: Play) -> None:
    async with real(play) as (client, server):
        with pytest.raises(Upstream, match="larger than") as caught:
            await client.send(asking(server, repeat=Repeat.SAFE))
    assert caught.value.final
    assert len(server.heard) == 1


async def test_a_server_that_trickles_meets_the_total_deadline() -> None:
    async with real(trickle, limits=replace(QUICK, total_seconds=0.3)) as (client, server):
        with pytest.raises(Upstream, match="did not answer within"):
            await client.send(asking(server))


async def test_a_redirect_on_the_same_origin_is_followed_with_the_credential() -> None:
    async with real(plainly("302 Found", Location="/new"), plainly("200 OK", b"new")) as (client, server):
        answer = await client.send(asking(server, token="t0ken"))
    assert answer.body == b"new"
    assert server.heard[1][0].startswith("GET /new ")
    assert "Bearer t0ken" in server.heard[1][0]


async def test_a_redirect_to_another_origin_is_not_followed() -> None:
    async with AsyncExitStack() as stack:
        canary = await stack.enter_async_context(raw_server(plainly("200 OK")))
        elsewhere = plainly("302 Found", Location=f"{canary.origin}/x")
        client, server = await stack.enter_async_context(real(elsewhere))
        answer = await client.send(asking(server, token="t0ken"))
    assert answer.status == 302
    assert canary.heard == []


async def test_redirects_without_end_are_given_up() -> None:
    async with real(plainly("302 Found", Location="/x")) as (client, server):
        with pytest.raises(Upstream, match="without end"):
            await client.send(asking(server, repeat=Repeat.SAFE))
    assert len(server.heard) == QUICK.redirects + 1


@pytest.mark.parametrize("location", ["http://[/", "//elsewhere.example/", "ftp://x/", ""])
async def test_a_strange_redirect_is_only_an_answer(location: str) -> None:
    async with real(plainly("301 Moved", Location=location)) as (client, server):
        assert (await client.send(asking(server))).status == 301


async def test_a_post_is_redirected_only_where_its_body_goes_along() -> None:
    async with real(plainly("302 Found", Location="/new")) as (client, server):
        assert (await client.send(asking(server, method="POST", body=b"x"))).status == 302
    async with real(plainly("307 Again", Location="/new"), plainly("201 Created")) as (client, server):
        assert (await client.send(asking(server, method="POST", body=b"x"))).status == 201
    assert server.heard[1] == (server.heard[1][0], b"x")


@pytest.mark.parametrize(
    "url",
    [
        "http://forge.example/x", "https://user:pass@forge.example/", "ftp://forge.example/", "forge.example",
        "https://forge.example/\r\nX: y", "https://2130706433/", "https://forge.example/ä",
    ],
)  # fmt: skip
async def test_what_is_not_a_plain_https_url_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        await HttpClient().send(HttpRequest(method="GET", url=url))


async def test_a_token_that_would_be_two_headers_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        await HttpClient().send(HttpRequest(method="GET", url="https://forge.example/", token="a\r\nX: y"))
    assert "X: y" not in str(caught.value)


def resolving(*answers: Sequence[str]):
    given = list(answers)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return given.pop(0)

    return resolve


PRIVATE = ["127.0.0.1", "10.1.1.1", "169.254.169.254", "100.64.0.1", "::ffff:127.0.0.1", "fe80::1", "::1"]


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_leads_into_the_private_network_is_refused(address: str) -> None:
    client = HttpClient(limits=QUICK, resolve=resolving(["1.1.1.1", address]))
    with pytest.raises(Upstream, match="private address") as caught:
        await client.send(HttpRequest(method="GET", url="https://forge.example/"))
    assert caught.value.final
    await client.aclose()


async def test_a_name_of_this_machine_is_found_out_by_resolving_it() -> None:
    async with raw_server(plainly("200 OK")) as canary:
        client = HttpClient(limits=QUICK)
        with pytest.raises(Upstream, match="private"):
            await client.send(HttpRequest(method="GET", url=f"https://localhost:{canary.port}/"))
        await client.aclose()
    assert canary.heard == []


async def test_a_header_that_would_be_two_is_refused_for_good() -> None:
    async with real(plainly("200 OK")) as (client, server):
        with pytest.raises(Upstream) as caught:
            await client.send(asking(server, headers={"X-A": "b\r\nX-B: c"}, repeat=Repeat.SAFE))
    assert caught.value.final
    assert server.heard == []


async def test_the_address_that_was_looked_at_is_the_one_that_is_dialled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second answer would be private: it is never asked for."""
    client = HttpClient(limits=QUICK, resolve=resolving(["192.88.99.1"]))
    dialled: list[str] = []

    async def connect(address: str, *_: object) -> None:
        dialled.append(address)
        raise httpcore2.ConnectError("unreachable")

    monkeypatch.setattr(client._doorman._network, "connect_tcp", connect)
    with pytest.raises(Upstream):
        await client.send(HttpRequest(method="GET", url="https://forge.example/"))
    assert dialled == ["192.88.99.1"]


@pytest.mark.parametrize("answers", [[[]], []])
async def test_a_name_without_an_address_is_an_upstream_error(answers: list[Sequence[str]]) -> None:
    async def fails(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such name")

    client = HttpClient(limits=QUICK, resolve=resolving(*answers) if answers else fails)
    with pytest.raises(Upstream, match="no address"):
        await client.send(HttpRequest(method="GET", url="https://forge.example/"))
    await client.aclose()


async def test_closing_twice_and_sending_again_are_fine() -> None:
    async with real(plainly("200 OK")) as (client, server):
        await client.send(asking(server))
        await client.aclose()
        await client.aclose()
        assert (await client.send(asking(server))).status == 200
