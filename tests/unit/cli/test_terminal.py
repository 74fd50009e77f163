import io
from collections.abc import Mapping

import pytest

from flowforge.cli.durations import age, duration
from flowforge.cli.terminal import Colour, Terminal
from flowforge.model.status import Status
from flowforge.testing.clock import EPOCH


class Screen(io.TextIOWrapper):
    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding)

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "colour"),
    [
        ({}, Colour.SHOWN),
        ({"NO_COLOR": "1"}, Colour.HIDDEN),
        ({"NO_COLOR": ""}, Colour.SHOWN),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, Colour.HIDDEN),
        ({"CLICOLOR": "0"}, Colour.HIDDEN),
        ({"TERM": "dumb"}, Colour.HIDDEN),
        ({"TERM": "dumb", "CLICOLOR_FORCE": "1"}, Colour.SHOWN),
    ],
)
def test_a_terminal_shows_colours_unless_told_otherwise(environ: Mapping[str, str], colour: Colour) -> None:
    assert Terminal.of(Screen(), environ).colour is colour


@pytest.mark.parametrize(
    ("environ", "colour"),
    [
        ({}, Colour.HIDDEN),
        ({"CLICOLOR_FORCE": "1"}, Colour.SHOWN),
        ({"FORCE_COLOR": "3"}, Colour.SHOWN),
        ({"FORCE_COLOR": "0"}, Colour.HIDDEN),
    ],
)
def test_a_file_gets_colours_only_by_force(environ: Mapping[str, str], colour: Colour) -> None:
    terminal = Terminal.of(io.StringIO(), environ)
    assert terminal.colour is colour
    assert not terminal.moving


def test_a_status_is_an_icon_and_a_word() -> None:
    assert Terminal.of(Screen(), {}).status(Status.SUCCESS) == "\x1b[32m✓ success\x1b[0m"
    assert Terminal.of(Screen("ascii"), {"NO_COLOR": "1"}).status(Status.FAILURE) == "x failure"


def test_every_status_has_an_icon_of_its_own() -> None:
    terminal = Terminal.of(Screen(), {"NO_COLOR": "1"})
    assert len({terminal.icon(status) for status in Status}) == len(Status)


def test_a_character_that_the_encoding_lacks_stops_nothing() -> None:
    screen = Screen("ascii")
    Terminal.of(screen, {}).write("ä\n")
    assert screen.buffer.getvalue() == b"?\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0s"),
        (-1, "0.0s"),
        (0.44, "0.4s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (184, "3m 04s"),
        (7500, "2h 05m"),
        (3 * 86400 + 4 * 3600, "3d 04h"),
    ],
)
def test_durations_are_short(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2025-12-31T23:59:58Z", "just now"),
        ("2025-12-31T23:59:30+00:00", "30s ago"),
        ("2025-12-31T23:00:00Z", "1h ago"),
        ("2025-12-01T00:00:00Z", "31d ago"),
        ("never", ""),
        ("2025-12-01T00:00:00", ""),
    ],
)
def test_ages_have_one_unit(moment: str, shown: str) -> None:
    assert age(moment, EPOCH) == shown
