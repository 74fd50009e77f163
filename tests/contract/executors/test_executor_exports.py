"""What steps leave to the steps behind them, in $FLOWFORGE_ENV and $BASH_ENV."""

import pytest

from flowforge.model.status import Cause, Status
from flowforge.model.step_spec import Script
from tests.contract.executors.lodge import Lodge, When, script

LEFT = r"""
{
  echo 'ONE=first = 1'
  echo 'EMPTY='
  echo
  echo 'MANY<<END'
  echo 'a line'
  echo 'B=2'
  echo ' END'
  echo 'END'
  echo 'ONE=second'
  echo 'SHELL_TEXT=$(id) "quoted" `x`'
} >> "$FLOWFORGE_ENV"
echo "[$ONE]"
"""


async def test_names_reach_later_steps_and_no_earlier_ones(lodge: Lodge) -> None:
    show = 'printf "%s|" "$ONE" "${EMPTY-unset}" "$MANY" "$SHELL_TEXT"'
    story = await lodge.run(
        lodge.order(script(0, LEFT, env={"ONE": "given"}), script(1, show, env={"ONE": "given"}))
    )
    assert story.outputs == [b"[given]\n", b'second||a line\nB=2\n END|$(id) "quoted" `x`|']


@pytest.mark.parametrize(
    "shell", [(), ("sh",), ("/bin/sh", "-eu"), ("bash",)], ids=["default", "sh", "sh with options", "bash"]
)
async def test_what_is_in_bash_env_is_read_by_every_shell(lodge: Lodge, shell: tuple[str, ...]) -> None:
    order = lodge.order(
        script(0, "echo 'export X=1; shown() { echo \"<$X>\"; }' >> $BASH_ENV"),
        script(1, "shown\nno-such-command", shell=shell),
    )
    story = await lodge.run(order)
    assert story.outputs[1].startswith(b"<1>\n")
    assert b"line 2" in story.outputs[1] or b": 2:" in story.outputs[1]


WRONG = {
    "no name": ("echo '=x'", "line 1 is neither"),
    "a digit": ("echo OK=1; echo '1X=x'", "line 2 is neither"),
    "a word": ("echo 'export X=1'", "line 1 is neither"),
    "a dash": ("echo 'A-B=x'", "line 1 is neither"),
    "no end": ("echo 'X<<END'; echo line", "line 1 begins lines whose end is missing"),
    "an empty end": ("echo 'X<<'", "line 1 is neither"),
    "ours": ("echo FLOWFORGE_RUN=7", "line 1 sets a name that is FlowForge's own"),
    "CI": ("echo CI=no", "line 1 sets a name that is FlowForge's own"),
    "NUL": ("printf 'X=a\\0b\\n'", "it holds a NUL character"),
    "large": ("head -c 1100000 /dev/zero | tr '\\0' x", "it is no file of at most 1 MiB"),
    "many": ("for i in $(seq 1001); do echo N$i=; done", "line 1001 sets more than 1000 names"),
}


@pytest.mark.parametrize(("text", "sentence"), WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("lodge", ["process"], indirect=True)
async def test_what_cannot_be_taken_fails_the_step_that_left_it(
    lodge: Lodge, text: str, sentence: str
) -> None:
    order = lodge.order(f"({text}) >> $FLOWFORGE_ENV", script(1, 'echo "$OK"', when=When.ALWAYS))
    story = await lodge.run(order)
    assert (story.exits[0].status, story.exits[0].cause) == (Status.FAILURE, Cause.CONFIG)
    assert story.exits[0].reason.startswith(
        'step "step 0" left in $FLOWFORGE_ENV what cannot be taken: ' + sentence
    )
    assert story.exits[1].status is Status.SUCCESS
    assert story.outputs[1] == (b"1\n" if "OK=1" in text else b"\n")


async def test_a_link_in_its_place_is_not_followed(lodge: Lodge) -> None:
    """Only a job that is root, or our own user, can put one there."""
    order = lodge.order('rm -f "$FLOWFORGE_ENV" && ln -s /etc/passwd "$FLOWFORGE_ENV" || echo kept')
    story = await lodge.run(order)
    if story.outputs[0]:
        assert b"kept" in story.outputs[0]
    else:
        assert story.exits[0].cause is Cause.CONFIG


async def test_in_band_commands_have_no_effect(lodge: Lodge) -> None:
    said = (
        "::set-env name=X::1\\n::add-path::/tmp\\n##vso[task.setvariable variable=X]1\\n::save-state name=X::1\\n"
        "X=1\\nFLOWFORGE_ENV X=1\\nexport X=1\\n"
    )
    story = await lodge.run(lodge.order(f"printf '{said}'", 'echo "[$X]" "$PATH"'))
    assert story.outputs[1].startswith(b"[] ")
    assert b":/tmp" not in story.outputs[1]


async def test_a_name_for_the_loader_reaches_steps_and_not_the_supervisor(lodge: Lodge) -> None:
    order = lodge.order(
        "echo LD_PRELOAD=/nowhere.so >> $FLOWFORGE_ENV",
        'echo "$LD_PRELOAD"; tr "\\0" "\\n" < /proc/1/environ || true',
    )
    story = await lodge.run(order)
    assert b"/nowhere.so\n" in story.outputs[1]
    assert b"LD_PRELOAD=" not in story.outputs[1]


async def test_another_programs_script_is_handed_over_as_it_is(lodge: Lodge) -> None:
    order = lodge.order(
        "echo 'export X=1' >> $BASH_ENV", Script(text="one\ntwo\n", shell=("sed", "-n", "1p"))
    )
    assert (await lodge.run(order)).outputs[1] == b"one\n"
