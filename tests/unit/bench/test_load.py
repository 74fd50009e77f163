"""What the benchmark sends: distinct pushes that a forge would have signed."""

from bench.deliveries import Deliveries
from bench.million import PROJECT, RUN
from bench.wire import request
from flowforge.adapters.store.tables import projects, runs
from flowforge.forges.github import read, signature_ok
from flowforge.model.push import Happening
from flowforge.testing.clock import EPOCH

SECRET = "a-secret"


def parsed(raw: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


def test_deliveries_are_signed_pushes_each_of_its_own() -> None:
    deliveries = Deliveries("http://127.0.0.1:9", SECRET)
    sent = [parsed(raw) for raw in deliveries.requests(2) + deliveries.requests(1)]
    assert all(signature_ok(SECRET.encode(), headers, body, EPOCH) for headers, body in sent)
    happenings = [read(headers, body) for headers, body in sent]
    assert all(isinstance(happening, Happening) for happening in happenings)
    assert len({happening.key for happening in happenings if isinstance(happening, Happening)}) == 3
    assert len({headers["x-github-delivery"] for headers, _ in sent}) == 3


def test_a_push_has_the_size_of_a_real_one() -> None:
    _, body = Deliveries("http://127.0.0.1:9", SECRET).bodies(1)[0]
    assert 6_000 < len(body) < 9_000


def test_a_request_without_a_body_names_no_length() -> None:
    assert request("GET", "/x", {"A": "b"}) == b"GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nA: b\r\n\r\n"


def test_the_million_rows_name_columns_that_there_are() -> None:
    assert PROJECT.keys() <= set(projects.columns.keys())
    assert RUN.keys() <= set(runs.columns.keys())
