import io
import json

import pytest

from tests.unit.cli.answering import answering
from tests.unit.cli.conftest import Flowforge

RUN = {
    "id": 7,
    "number": 3,
    "repository": "acme/app",
    "branch": "main",
    "title": "Fix \x1b]0;owned\x07 it\nnow",
    "status": "success",
    "created_at": "2020-01-01T00:00:00Z",
    "duration_seconds": 61.2,
    "url": "http://localhost/ui/pipelines/7",
}
JOBS = [
    {"id": 70, "name": "build", "status": "success"},
    {"id": 71, "name": "test/unit", "status": "failure"},
]


def test_list_prints_columns_by_tabs_where_nobody_watches(flowforge: Flowforge) -> None:
    with answering({"GET /api/v1/runs?limit=2&branch=main": {"items": [RUN], "next": None}}) as server:
        shown = flowforge("--server-url", server.url, "list", "--limit", "2", "--branch", "main")
    cells = shown.out.rstrip("\n").split("\t")
    assert cells[:6] == ["7", "✓ success", "acme/app", "#3", "main", "Fix it now"]
    assert cells[7] == "1m 01s"


def test_list_json_is_the_rest_value(flowforge: Flowforge) -> None:
    page = {"items": [RUN], "next": None}
    with answering({"GET /api/v1/runs?limit=20": page}) as server:
        shown = flowforge("list", "--json", "--server-url", server.url)
    assert json.loads(shown.out) == page
    assert shown.out.isascii()


def test_an_empty_list_says_so_on_standard_error(flowforge: Flowforge) -> None:
    with answering({"GET /api/v1/runs?limit=20": {"items": [], "next": None}}) as server:
        shown = flowforge("list", environ={"FLOWFORGE_SERVER_URL": server.url})
    assert (shown.code, shown.out, shown.err) == (0, "", "no runs yet\n")


def test_logs_of_all_jobs_are_their_bytes_with_headings_apart(flowforge: Flowforge) -> None:
    answers = {
        "GET /api/v1/runs/7": {**RUN, "jobs": JOBS},
        "GET /api/v1/runs/7/jobs/70/log": b"one\x1b[2J\n",
        "GET /api/v1/runs/7/jobs/71/log": b"two\xff",
    }
    with answering(answers) as server:
        shown = flowforge("logs", "7", "--server-url", server.url)
        value = json.loads(flowforge("logs", "#7", "--json", "--server-url", server.url).out)
    assert shown.out.encode(errors="surrogateescape") == b"one\x1b[2J\ntwo\xff"
    assert shown.err == "build  ✓ success\ntest/unit  ✗ failure\n"
    assert [job["log"] for job in value["jobs"]] == ["one\x1b[2J\n", "two\ufffd"]


def test_logs_follow_until_the_job_is_over(flowforge: Flowforge) -> None:
    running = {**RUN, "jobs": [{**JOBS[0], "status": "running"}]}
    answers = {
        "GET /api/v1/runs/7": [running, running, {**RUN, "jobs": JOBS}],
        "GET /api/v1/runs/7/jobs/70/log?follow=true&offset=0": b"first ",
        "GET /api/v1/runs/7/jobs/70/log?follow=true&offset=6": b"second",
        "GET /api/v1/runs/7/jobs/70/log?follow=true&offset=12": b"",
    }
    with answering(answers) as server:
        shown = flowforge("logs", f"{server.url}/ui/pipelines/7#step", "build", "-f")
    assert (shown.code, shown.out, shown.err) == (0, "first second", "")


def test_a_job_that_the_run_has_not_is_not_found(flowforge: Flowforge) -> None:
    with answering({"GET /api/v1/runs/7": {**RUN, "jobs": JOBS}}) as server:
        shown = flowforge("logs", "7", "deploy", "--server-url", server.url)
    assert (shown.code, shown.err) == (3, "flowforge: run 7 has no job deploy\n")


@pytest.mark.parametrize("command", ["logs", "cancel", "rerun"])
def test_an_address_of_another_machine_is_not_followed_with_a_token(
    flowforge: Flowforge, command: str
) -> None:
    shown = flowforge(command, "https://ci.example.org/ui/pipelines/7", "--token", "t")
    assert shown.code == 64
    assert "another server than http://localhost:5000" in shown.err
    assert "--server-url https://ci.example.org " in shown.err


def test_an_address_of_another_server_than_the_chosen_one_is_refused(flowforge: Flowforge) -> None:
    page = "http://127.0.0.1:9/ui/pipelines/7"
    with answering({"POST /api/v1/runs/7/cancel": RUN}) as server:
        behind = flowforge("cancel", page, "--server-url", server.url)
        before = flowforge("--server-url", server.url, "cancel", "https://ci.example.org/ui/pipelines/7")
        named = flowforge("cancel", page, environ={"FLOWFORGE_SERVER_URL": server.url})
        assert server.asked == []
    assert (behind.code, before.code, named.code) == (64, 64, 64)
    assert "--server-url http://127.0.0.1:9 " in behind.err


def test_an_address_of_the_chosen_server_or_of_one_on_this_machine_is_followed(flowforge: Flowforge) -> None:
    with answering({"POST /api/v1/runs/7/cancel": {**RUN, "status": "running"}}) as server:
        here = server.url.replace("127.0.0.1", "localhost")
        assert flowforge("cancel", f"{here}/ui/pipelines/7").code == 0
        assert flowforge("cancel", f"{here}/ui/pipelines/7", "--server-url", server.url).code == 0


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://", "names no host"),
        ("http://:5000", "names no host"),
        ("http://[::1", "names no host"),
        ("http://localhost:99999", "has a port that cannot be"),
        ("http://localhost:0", "has a port that cannot be"),
        ("http://localhost:abc", "has a port that cannot be"),
        ("ftp://me:hunter22@x", "must begin with http:// or https://"),
        ("http://me:hunter22@x:99999", "has a port that cannot be"),
    ],
)
def test_an_impossible_address_is_wrong_usage(flowforge: Flowforge, url: str, line: str) -> None:
    for shown in (
        flowforge("list", "--server-url", url),
        flowforge("list", environ={"FLOWFORGE_SERVER_URL": url}),
    ):
        assert shown.code == 64
        assert line in shown.err
        assert "hunter22" not in shown.err


def test_a_password_in_an_address_is_not_repeated(flowforge: Flowforge) -> None:
    shown = flowforge("list", "--server-url", "http://me:hunter22@127.0.0.1:9")
    assert shown.code == 1
    assert "http://***@127.0.0.1:9" in shown.err
    assert "hunter22" not in shown.err


def test_trigger_sends_what_was_asked_for(flowforge: Flowforge) -> None:
    with answering({"POST /api/v1/runs": RUN}) as server:
        shown = flowforge(
            "trigger",
            "acme/app",
            "--branch",
            "next",
            "--input",
            "a=1=2",
            "--input",
            "b=",
            "--server-url",
            server.url,
        )
        sent = json.loads(server.asked[0].body)
    assert sent == {"project": "acme/app", "branch": "next", "inputs": {"a": "1=2", "b": ""}}
    assert shown.out == "run 7 is queued: http://localhost/ui/pipelines/7\n"


def test_an_input_without_a_value_is_wrong_usage(flowforge: Flowforge) -> None:
    shown = flowforge("trigger", "acme/app", "--input", "deep")
    assert shown.code == 64
    assert "write it as NAME=VALUE" in shown.err


def test_cancel_rerun_link_and_runners_print_what_came_of_it(flowforge: Flowforge) -> None:
    runner = {
        "id": 2,
        "name": "10.0.0.5",
        "host": "10.0.0.5",
        "labels": ["linux", "big"],
        "status": "registered",
    }
    answers = {
        "POST /api/v1/runs/7/cancel": {**RUN, "status": "running"},
        "POST /api/v1/runs/7/rerun": {**RUN, "id": 8, "url": "http://localhost/ui/pipelines/8"},
        "POST /api/v1/links": {"url": "http://localhost/link/ffo_x"},
        "POST /api/v1/runners": (201, runner),
        "GET /api/v1/runners": {"items": [runner], "next": None},
    }
    with answering(answers) as server:
        url = ("--server-url", server.url)
        assert flowforge("cancel", "7", *url).out == "run 7 is stopping\n"
        assert (
            flowforge("rerun", "7", *url).out == "run 8 does run 7 again: http://localhost/ui/pipelines/8\n"
        )
        assert flowforge("link", *url).out == "http://localhost/link/ffo_x\n"
        added = flowforge("configure", "add-runner", "10.0.0.5", "--labels", "linux, big", *url)
        assert added.out == "runner 2 is registered: 10.0.0.5\n"
        assert json.loads(server.asked[-1].body) == {"host": "10.0.0.5", "labels": ["linux", "big"]}
        assert (
            flowforge(*url, "configure", "list-runners").out
            == "2\t10.0.0.5\t10.0.0.5\tregistered\tlinux, big\n"
        )
        assert json.loads(flowforge("configure", "list-runners", "--json", *url).out)["items"] == [runner]


def test_a_registration_token_stands_in_no_printed_command(flowforge: Flowforge) -> None:
    runner = {"id": 2, "host": "10.0.0.5", "token": "ffg_once"}
    with answering({"POST /api/v1/runners": (201, runner)}) as server:
        shown = flowforge("configure", "add-runner", "10.0.0.5", "--server-url", server.url)
    commands = [line for line in shown.out.splitlines() if line.startswith("flowforge ")]
    assert commands == [f"flowforge runner --server-url {server.url} --token -"]
    assert shown.out.endswith("\ntoken: ffg_once\n")


@pytest.mark.parametrize(
    ("words", "typed", "environ"),
    [
        (("--token", "-"), b"ffg_once\nmore\n", {}),
        (("--token", "-"), b" ffg_once", {"FLOWFORGE_RUNNER_TOKEN": "ffg_other"}),
        ((), b"", {"FLOWFORGE_RUNNER_TOKEN": "ffg_once"}),
        (("--token", "ffg_once"), b"", {}),
    ],
)
def test_a_runner_reads_its_registration_token_from_where_nobody_sees_it(
    flowforge: Flowforge,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    typed: bytes,
    environ: dict[str, str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed)))
    refusal = {"type": "about:blank", "title": "T", "status": 401, "detail": "no such token"}
    with answering({"POST /api/v1/runner-link/register": (401, refusal)}) as server:
        shown = flowforge("runner", "register", "--server-url", server.url, *words, environ=environ)
    assert (shown.code, [json.loads(each.body)["token"] for each in server.asked]) == (4, ["ffg_once"])


@pytest.mark.parametrize(("status", "code"), [(401, 4), (403, 1), (404, 3), (409, 1), (422, 1), (503, 1)])
def test_a_problem_document_becomes_the_line(flowforge: Flowforge, status: int, code: int) -> None:
    problem = {"type": "about:blank", "title": "T", "status": status, "detail": "it is\nlike \x1b[2Jthis"}
    with answering({"POST /api/v1/runs/7/cancel": (status, problem)}) as server:
        shown = flowforge("cancel", "7", "--server-url", server.url)
    assert shown.code == code
    assert shown.err.startswith("flowforge: it is like this")
    assert shown.err.count("\n") == 1


def test_an_answer_that_is_no_problem_document_is_told_by_its_status(flowforge: Flowforge) -> None:
    with answering({"GET /api/v1/runs?limit=20": (500, b"<html>")}) as server:
        assert flowforge("list", "--server-url", server.url).err == f"flowforge: {server.url} answered 500\n"


def test_something_else_at_the_address_is_noticed(flowforge: Flowforge) -> None:
    with answering({"GET /api/v1/runs?limit=20": b"<html>hello</html>"}) as server:
        shown = flowforge("list", "--server-url", server.url)
    assert (shown.code, shown.err.split(":", 1)[0]) == (1, "flowforge")
    assert "is not a FlowForge server" in shown.err


def test_where_nobody_answers_the_way_out_is_told(flowforge: Flowforge) -> None:
    shown = flowforge("list", "--server-url", "http://127.0.0.1:9")
    line = "flowforge: no FlowForge server answers at http://127.0.0.1:9: start one with flowforge up\n"
    assert (shown.code, shown.err) == (1, line)


def test_a_token_given_by_hand_is_sent(flowforge: Flowforge) -> None:
    with answering({"GET /api/v1/runs?limit=20": {"items": []}}) as server:
        flowforge("list", "--server-url", server.url, "--token", "hand")
        flowforge("list", "--server-url", server.url, environ={"FLOWFORGE_TOKEN": "env"})
        sent = [asked.headers["Authorization"] for asked in server.asked]
    assert sent == ["Bearer hand", "Bearer env"]


def test_a_part_of_a_run_is_asked_for_by_name(flowforge: Flowforge) -> None:
    answer = {**RUN, "id": 8, "url": "http://localhost/ui/pipelines/8"}
    with answering({"POST /api/v1/runs/7/rerun": answer}) as server:
        url = ("--server-url", server.url)
        for arguments in (("--failed",), ("--job", "test")):
            assert flowforge("rerun", "7", *arguments, *url).code == 0
        assert flowforge("rerun", "7", "--failed", "--job", "test", *url).code == 64
    assert [json.loads(asked.body) for asked in server.asked] == [{"failed": True}, {"job": "test"}]


def test_a_run_or_one_of_its_gates_is_approved(flowforge: Flowforge) -> None:
    answer = {**RUN, "url": "http://localhost/ui/pipelines/7"}
    answers = {"POST /api/v1/runs/7/approve": answer, "POST /api/v1/runs/7/jobs/go%2Fno/approve": answer}
    with answering(answers) as server:
        url = ("--server-url", server.url)
        assert flowforge("approve", "7", "--commit", "c0ffee", *url).out == (
            "run 7 is approved: http://localhost/ui/pipelines/7\n"
        )
        assert flowforge("approve", "7", "go/no", *url).out.startswith("job go/no of run 7 is approved: ")
        assert flowforge("approve", "7", "go/no", "--commit", "c0ffee", *url).code == 64
        assert json.loads(flowforge("approve", "7", "--json", *url).out) == answer
    assert [json.loads(asked.body) for asked in server.asked] == [{"commit": "c0ffee"}, {}, {}]


def test_the_jobs_of_a_run_are_listed_with_why_they_stand_where_they_stand(flowforge: Flowforge) -> None:
    jobs = [
        {"name": "lint", "status": "failure", "allowed_failure": True, "duration_seconds": 2.0},
        {"name": "ship", "status": "pending", "reason": "waits for run 5 in group deploy"},
    ]
    run = {**RUN, "status": "pending", "reason": "waits for run 5 in group deploy", "jobs": jobs}
    with answering({"GET /api/v1/runs/7": [run, run, {**RUN, "reason": None, "jobs": []}]}) as server:
        shown = flowforge("list", "7", "--server-url", server.url)
        assert [line.split("\t")[1:] for line in shown.out.splitlines()] == [
            ["lint", "2.0s", ""],
            ["ship", "", "waits for run 5 in group deploy"],
        ]
        assert "failure (allowed)" in shown.out.splitlines()[0]
        assert shown.err == "run 7 is pending: waits for run 5 in group deploy\n"
        assert json.loads(flowforge("list", "7", "--json", "--server-url", server.url).out) == run
        assert flowforge("list", "7", "--server-url", server.url).err == "run 7 has no jobs yet\n"
