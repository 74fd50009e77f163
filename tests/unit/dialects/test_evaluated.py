"""Where a shell would reckon with somebody else's value."""

import subprocess
from pathlib import Path

import pytest

from flowforge.dialects.evaluated import Evaluated, evaluated
from flowforge.dialects.outside import PLACE

RECKONED = {
    "((…))": [
        "(( @ ))",
        "if (( @ == 1 )); then :; fi",
        "for ((i=0; i<@; i++)); do :; done",
        "(( (1 + @) * 2 ))",
        "(( '@' ))",
        "x=1\n((x = $(echo @)))",
        "a || ((@))",
    ],
    "$((…))": [
        "echo $((@))",
        'echo "$(( "@" + 1 ))"',
        "echo $(( $(( @ )) ))",
        'echo "it\'s $((@))"',
        "echo don\\'t $((@))",
        "echo $'don\\'t' $((@))",
        "# don't\necho $((@))",
        "cat <<EOF\nit's $((@))\nEOF",
        "cat <<'A' <<-B\nit's $((1))\nA\n$((@))\n\tB",
        "cat <<EOF\n$((@))",
        "cat <<<EOF\necho $((@))",
        "cat <<EOF\nit's\nEOF\necho $((@))",
        "x=$(cat <<EOF\n\"it's\nEOF\n)\necho $((@))",
        "echo $(( a[@] ))",
        "echo $(( x } ] + @ ))",
        "((a); b)\necho $((@))",
        'echo "${x:-don\'t}" $((@))',
    ],
    "$[…]": ["echo $[@ + 1]", "echo $[a[1] + @]"],
    "${…:…}": ["echo ${x:@}", "echo ${x:0:@}", "echo ${x: -@}", "echo ${@A:@}", "echo ${a[1]:@}", 'echo "${x:@}"'],
    "${…[…]}": ["echo ${a[@]}", "echo ${#a[@]}", 'echo "${a[@]:-1}"'],
    "[[ … -eq … ]]": [
        "[[ @ -eq 1 ]]",
        'if [[ 1 -ge "@" ]]; then :; fi',
        "[[ -n x && ( 1 -lt @ ) ]]",
        "[[ x || @ -ne 1 ]]",
        "[[ $(echo @) -gt 1 ]]",
        "[[ 1 -le ${x:-@} ]]",
    ],
}  # fmt: skip
HARMLESS = [
    "echo @",
    'echo "@" \'@\' "\\$((@))"',
    "[ @ -eq 1 ]",
    "[[ @ == main && $n -eq 3 ]]",
    "[[ $n -eq 3 && @ == main ]]",
    "[[ '@' -eq 1 ]]",
    "[[ @ == [[:alpha:]] ]] && test 1 -eq 1",
    "[[ @ =~ ((a|b)) ]]",
    'echo ${x:-@} ${x:=@} ${x:+@} ${x:?@} ${x#@} "${x:-"@"}"',
    "echo $((cd @; ls) | wc)",
    "echo $(( 1 + 2 )) @ $(echo @)",
    "((cd @) && ls)",
    "# $((@))\necho '$((@))'",
    "cat <<'EOF'\n$((@))\nEOF",
    'cat <<EOF\n"@\nEOF\necho @ "$(cat <<X)"',
    "echo $((@",
    "[[ @ -eq 1",
    "case x in a) echo @;; esac; }",
    "echo ${a[1]:-@} ${a[1]}",
    "cat <<EOF\n$(cat <<X\n)\nEOF",
    '(echo @)\n\necho "${x}@"',
    "echo ${x-(@)} && a || b",
    "echo $(( a] ))",
]  # fmt: skip


def script(text: str) -> str:
    """`@` stands for the value, where it is no word of the shell's own."""
    return text.replace("{@A", "{\1").replace("@", PLACE).replace("\1", "@")


@pytest.mark.parametrize(
    ("shown", "text"), [(shown, text) for shown, texts in RECKONED.items() for text in texts]
)
def test_a_value_that_would_be_reckoned_with_is_found(shown: str, text: str) -> None:
    found = evaluated(script(text))
    assert found is not None
    assert found.shown == shown


@pytest.mark.parametrize("text", [*HARMLESS, *(text for texts in RECKONED.values() for text in texts)])
def test_what_is_left_alone_runs_nothing_in_a_real_shell(tmp_path: Path, text: str) -> None:
    value = "x[$(touch ran)]"
    subprocess.run(
        ["bash", "-c", script(text).replace(PLACE, "${VALUE}")],
        env={"VALUE": value, "PATH": "/usr/bin:/bin"},
        cwd=tmp_path, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=30,
    )  # fmt: skip
    assert evaluated(script(text)) or not (tmp_path / "ran").exists()


@pytest.mark.parametrize("text", HARMLESS)
def test_a_value_that_stays_text_is_left_alone(text: str) -> None:
    assert evaluated(script(text)) is None


def test_the_line_in_which_it_begins_is_told() -> None:
    assert evaluated(script("a\nb\necho $((\n@\n))")) == Evaluated(shown="$((…))", line=3)


@pytest.mark.parametrize(
    "piece",
    [
        "$((",
        "((",
        "${a[",
        "$(",
        '"',
        "'",
        "[[ ",
        "<<A ",
        "<<A\n",
        "@",
        "$((@",
        "${x:",
        "[[ @ -eq ",
        ")",
        "${",
        "$'\\",
        "(@)",
        "<<- ",
    ],
)
def test_no_text_makes_the_reading_fail(piece: str) -> None:
    evaluated(script(piece * (4_000 // len(piece))))
    evaluated(script(piece * 200 + "}])\"'\n" * 200 + "]] ))" * 200))
