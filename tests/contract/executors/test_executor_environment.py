"""What a step finds around it."""

from pathlib import Path

import pytest

from flowforge.adapters.executors.process import ProcessExecutor
from flowforge.adapters.executors.process import executor as process_executor
from flowforge.adapters.executors.site import Site
from flowforge.errors import BadInput
from flowforge.model.status import Cause
from flowforge.model.step_spec import Script
from flowforge.testing.sources import FakeSources
from tests.contract.executors.lodge import KEY, Lodge, new_site, script

ODD = {
    "LINES_OF": "one\ntwo\n\nthree",
    "QUOTES": 'it\'s "quoted" `here` $HOME \\n',
    "EMPTY": "",
    "FRAMES": "3:abc,6:status,",
    "UNICODE": "schön ☃",
    "LONG": "x" * 100_000,
}


async def test_any_value_arrives_as_it_is(lodge: Lodge) -> None:
    for name, value in ODD.items():
        story = await lodge.run(lodge.order(script(0, f'printf %s "${name}"', env=ODD)))
        assert story.outputs[0].decode() == value


async def test_the_workspace_is_the_working_directory_and_has_a_name(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order('test "$PWD" = "$FLOWFORGE_WORKSPACE"; test "$HOME" != ""; ls -A'))
    assert story.exits[0].code == 0
    assert story.text == ""


async def test_a_working_directory_is_relative_to_the_workspace(lodge: Lodge) -> None:
    order = lodge.order(
        "mkdir -p a/b", script(1, "echo ${PWD#$FLOWFORGE_WORKSPACE}", working_directory="a/b")
    )
    assert (await lodge.run(order)).outputs[1] == b"/a/b\n"


async def test_a_working_directory_may_be_below_home(lodge: Lodge) -> None:
    order = lodge.order("mkdir -p ~/project", script(1, "echo ${PWD#$HOME}", working_directory="~/project"))
    assert (await lodge.run(order)).outputs[1] in (b"/project\n", b"project\n")


async def test_a_working_directory_that_is_not_there_is_named(lodge: Lodge) -> None:
    ended = (await lodge.run(lodge.order(script(0, "true", working_directory="no/such")))).exits[0]
    assert ended.cause is Cause.CONFIG
    assert ended.reason == "the working directory cannot be entered: no/such: No such file or directory"


async def test_files_stay_from_step_to_step(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order("echo kept > file", "cat file"))
    assert story.outputs[1] == b"kept\n"


async def test_shell_names_what_runs_the_script(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order(Script(text="first\nsecond\n", shell=("sed", "-n", "2p"))))
    assert story.outputs == [b"second\n"]


async def test_a_failing_command_ends_the_script_and_a_line_number_is_the_authors(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order("true\nno-such-command\necho never\n"))
    assert story.exits[0].code == 127
    assert b"line 2" in story.outputs[0]
    assert b"never" not in story.outputs[0]


async def test_a_script_larger_than_an_argument_may_be_runs(lodge: Lodge) -> None:
    text = "# " + "x" * 300_000 + "\necho ran\n"
    assert (await lodge.run(lodge.order(text))).outputs == [b"ran\n"]


async def test_standard_input_is_empty(lodge: Lodge) -> None:
    assert (await lodge.run(lodge.order("cat; echo end"))).outputs == [b"end\n"]


async def test_an_environment_larger_than_the_kernel_takes_is_a_named_error(lodge: Lodge) -> None:
    env = {f"V{number}": "x" * 100_000 for number in range(100)}
    ended = (await lodge.run(lodge.order(script(0, "true", env=env)))).exits[0]
    assert ended.cause is Cause.CONFIG
    assert "Argument list too long" in ended.reason


@pytest.mark.parametrize(
    "order",
    [
        script(0, "true", env={"A": "nul\0nul"}),
        script(0, "true", env={"A=B": ""}),
        script(0, "true", working_directory="\0"),
    ],
    ids=["value", "name", "directory"],
)
@pytest.mark.parametrize("lodge", ["process"], indirect=True)
async def test_what_no_process_can_be_given_is_bad_input(lodge: Lodge, order: object) -> None:
    with pytest.raises(BadInput):
        async with lodge.executor.open(KEY, lodge.order(order)) as room:  # type: ignore[arg-type]
            await room.begin({})


@pytest.mark.parametrize("lodge", ["process"], indirect=True)
async def test_a_process_does_not_see_the_servers_environment(
    lodge: Lodge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWFORGE_GITHUB_TOKEN", "ghp_secret")
    story = await lodge.run(lodge.order("env; cat /proc/$PPID/environ 2>/dev/null || true"))
    assert "ghp_secret" not in story.text


@pytest.mark.needs("root")
@pytest.mark.parametrize("lodge", ["process"], indirect=True)
async def test_as_root_a_process_runs_as_somebody_else(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order("id -un; grep NoNewPrivs /proc/self/status; touch ~/x y"))
    assert story.outputs == [b"nobody\nNoNewPrivs:\t1\n"]
    assert story.exits[0].code == 0


@pytest.fixture
def closed_site(tmp_path: Path) -> Site:
    """Its workspaces lie below a folder that only root may pass, as root's own home is."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "private").write_text("not for steps")
    return Site(instance="test", folder=tmp_path / "rooms", workspaces=closed / "work")


@pytest.mark.needs("root")
async def test_a_step_reaches_its_workspace_below_a_folder_closed_to_its_user(closed_site: Site) -> None:
    async with ProcessExecutor(closed_site, FakeSources({})) as process:
        lodge = Lodge(kind="process", executor=process, site=closed_site, sources=FakeSources({}))
        private = closed_site.workspaces.parent / "private"
        story = await lodge.run(
            lodge.order(
                f'id -un; touch "$FLOWFORGE_WORKSPACE/made" made-too; test -e {private} || echo "not seen"'
            )
        )
    assert (story.outputs, story.exits[0].code) == ([b"nobody\nnot seen\n"], 0)
    assert private.read_text() == "not for steps"
    assert not list(closed_site.workspaces.glob("*/*"))


@pytest.mark.needs("root")
async def test_a_closed_folder_without_a_way_past_it_is_said_so_before_any_job(
    closed_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_executor, "passage_can_be_opened", lambda: False)
    probe = await ProcessExecutor(closed_site, FakeSources({})).probe()
    assert not probe.usable
    assert probe.reason.startswith(
        f"steps run as the user nobody, who may not pass {closed_site.workspaces.parent}: set FLOWFORGE_WORKSPACE_ROOT"
    )


@pytest.mark.needs("root")
async def test_a_user_that_the_machine_lacks_is_said_so_before_any_job(tmp_path: Path) -> None:
    probe = await ProcessExecutor(new_site(tmp_path), FakeSources({}), user="no-such-user").probe()
    assert not probe.usable
    assert "no-such-user, whom this machine lacks" in probe.reason
