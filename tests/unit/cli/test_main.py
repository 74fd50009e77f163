import subprocess
import sys
from importlib import import_module

import pytest

from flowforge.cli.lazy_group import LazyGroup
from flowforge.cli.main import COMMANDS, cli
from tests.unit.cli.conftest import Flowforge


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_where_the_list_says_and_says_the_same(name: str) -> None:
    module, _, attribute = COMMANDS[name].target.partition(":")
    command = getattr(import_module(module), attribute)
    assert command.name == name
    assert command.short_help == COMMANDS[name].help


def test_help_names_every_command_and_the_exit_codes(flowforge: Flowforge) -> None:
    shown = flowforge("--help")
    assert shown.code == 0
    assert all(f"  {name} " in shown.out for name in COMMANDS)
    assert "64 wrong usage" in shown.out
    assert flowforge() == shown


def test_a_group_alone_shows_its_help(flowforge: Flowforge) -> None:
    shown = flowforge("configure")
    assert (shown.code, shown.err) == (0, "")
    assert "  add-runner " in shown.out
    assert flowforge("configure", "--help") == shown


def test_help_imports_no_command() -> None:
    script = (
        "import sys; from flowforge.cli.main import run_command; run_command(['--help']); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "flowforge.cli.options" in loaded
    assert not loaded & {"flowforge.cli.lint", "flowforge.cli.client", "rich", "httpx2", "yaml", "asyncio"}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["lsit"], "flowforge: there is no command 'lsit'; did you mean list? (see flowforge --help)\n"),
        (["frobnicate"], "flowforge: there is no command 'frobnicate'; see flowforge --help\n"),
        (["list", "--limit", "0"], None),
        (["list", "--nope"], None),
        (["logs"], None),
        (["cancel", "twelve"], None),
        (["--server-url", "ftp://x", "list"], None),
        (["logs", "1", "--follow", "--json"], None),
        (["lint", "x", "--dialect", "cobol"], None),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_64(
    flowforge: Flowforge, arguments: list[str], line: str | None
) -> None:
    shown = flowforge(*arguments)
    assert shown.code == 64
    assert shown.out == ""
    assert shown.err.startswith("flowforge: ")
    assert shown.err.count("\n") == 1
    assert line is None or shown.err == line


def test_the_version_is_the_packages(flowforge: Flowforge) -> None:
    shown = flowforge("--version")
    assert (shown.code, shown.out.split()[0]) == (0, "flowforge")


def test_the_group_is_lazy() -> None:
    assert isinstance(cli, LazyGroup)
