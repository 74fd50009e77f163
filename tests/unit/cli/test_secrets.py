import io
import json

import pytest

from tests.unit.cli.answering import answering
from tests.unit.cli.conftest import Flowforge

SECRET = {
    "id": 3,
    "kind": "job",
    "name": "KEY",
    "project": "acme/app",
    "environment": None,
    "branch": "main",
    "group": None,
    "version": 2,
    "masked": True,
    "updated_at": "2020-01-02T00:00:00Z",
    "updated_by": "ann\x1b[2J",
}


class Given:
    """Standard input that is no terminal."""

    def __init__(self, raw: bytes) -> None:
        self.buffer = io.BytesIO(raw)

    def isatty(self) -> bool:
        return False


def sent(server: object) -> dict[str, object]:
    (asked,) = server.asked  # type: ignore[attr-defined]
    return json.loads(asked.body)  # type: ignore[no-any-return]


def test_a_value_comes_from_standard_input(flowforge: Flowforge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Given(b"line one\nline two\n\n"))
    with answering({"PUT /api/v1/secrets": SECRET}) as server:
        shown = flowforge(
            "secrets", "set", "KEY", "--project", "acme/app", "--branch", "main", "--server-url", server.url
        )
        body = sent(server)
    assert (shown.code, shown.out, shown.err) == (0, "KEY is set, version 2\n", "")
    assert body == {
        "name": "KEY",
        "value": "line one\nline two\n",
        "project": "acme/app",
        "environment": "",
        "branch": "main",
        "group": "",
        "kind": "job",
    }


def test_a_value_comes_from_a_variable(flowforge: Flowforge) -> None:
    with answering({"PUT /api/v1/secrets": SECRET | {"masked": False}}) as server:
        shown = flowforge(
            *("secrets", "set", "KEY", "--from-env", "MY_KEY", "--json", "--server-url", server.url),
            environ={"MY_KEY": "short"},
        )
        assert sent(server)["value"] == "short"
    assert json.loads(shown.out)["version"] == 2
    assert "unmasked" in shown.err


def test_a_variable_that_is_not_set_is_named(flowforge: Flowforge) -> None:
    shown = flowforge("secrets", "set", "KEY", "--from-env", "NO_SUCH_VARIABLE")
    assert (shown.code, shown.err) == (64, "flowforge: the variable NO_SUCH_VARIABLE is not set\n")


def test_what_is_no_text_is_refused(flowforge: Flowforge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Given(b"\xff\xfe"))
    shown = flowforge("secrets", "set", "KEY")
    assert (shown.code, "UTF-8" in shown.err) == (1, True)


def test_a_value_is_never_an_argument(flowforge: Flowforge) -> None:
    shown = flowforge("secrets", "set", "KEY", "a-value")
    assert shown.code == 64


def test_a_list_shows_names_and_where_they_count(flowforge: Flowforge) -> None:
    pages = {
        "GET /api/v1/secrets?limit=100": {"items": [SECRET], "next": "3"},
        "GET /api/v1/secrets?limit=100&cursor=3": {"items": [SECRET | {"project": None}], "next": None},
    }
    with answering(pages) as server:
        shown = flowforge("secrets", "list", "--server-url", server.url)
        value = json.loads(flowforge("secrets", "list", "--json", "--server-url", server.url).out)
    first, second = (line.split("\t") for line in shown.out.splitlines())
    assert first == ["KEY", "acme/app", "any", "main", "-", "job", "2", "2020-01-02", "ann"]
    assert second[1] == "all projects"
    assert len(value) == 2


def test_an_empty_list_of_secrets_says_so(flowforge: Flowforge) -> None:
    with answering({"GET /api/v1/secrets?limit=100&project=a%2Fb": {"items": [], "next": None}}) as server:
        shown = flowforge("secrets", "list", "--project", "a/b", "--server-url", server.url)
    assert (shown.code, shown.out, shown.err) == (0, "", "no secrets yet\n")


def test_a_secret_is_removed_by_its_place(flowforge: Flowforge) -> None:
    items = [SECRET | {"id": 4, "branch": None}, SECRET | {"id": 5, "name": "OTHER"}, SECRET]
    answers = {
        "GET /api/v1/secrets?limit=100&project=acme%2Fapp": {"items": items, "next": None},
        "DELETE /api/v1/secrets/3": b"",
    }
    with answering(answers) as server:
        place = ("KEY", "--project", "acme/app", "--server-url", server.url)
        shown = flowforge("secrets", "remove", *place, "--branch", "main")
        missing = flowforge("secrets", "remove", *place, "--branch", "other")
    assert (shown.code, shown.out) == (0, "KEY is removed\n")
    assert missing.code == 3


def test_the_master_key_is_rotated_by_one_command(flowforge: Flowforge) -> None:
    with answering({"POST /api/v1/secrets/rotate-key": {"version": 4, "resealed": 1}}) as server:
        shown = flowforge("secrets", "rotate-key", "--server-url", server.url)
        value = json.loads(flowforge("secrets", "rotate-key", "--json", "--server-url", server.url).out)
    assert shown.out == "master key 4 seals 1 secret anew\n"
    assert value == {"version": 4, "resealed": 1}


def test_the_group_explains_itself(flowforge: Flowforge) -> None:
    assert "rotate-key" in flowforge("secrets").out
