import pytest

from flowforge.cli.foreign_text import ForeignStream, harmless, one_line
from flowforge.cli.terminal import Colour

RED = "\x1b[31mred\x1b[0m"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain äöü 日本", "plain äöü 日本"),
        ("tab\there\nline\r\nnext", "tab\there\nline\nnext"),
        ("50%\r100%", "50%\n100%"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;aGk=\x07", ""),
        ("\x1b]unclosed\nnext line", "\nnext line"),
        ("\x1b[2J\x1b[1;1Hhome", "home"),
        ("\x1bcreset", "reset"),
        ("\x1b[", ""),
        ("\x9b31m\x85\x7f\x00\x08", "31m"),
        ("\u202eabc\u2066", "abc"),
        ("\x1bP1$qm\x1b\\rest", "rest"),
    ],
)
def test_what_a_terminal_would_obey_is_removed(text: str, shown: str) -> None:
    assert harmless(text) == shown
    assert harmless(text, Colour.SHOWN) == shown


def test_colours_stay_where_they_are_shown_and_end_with_their_line() -> None:
    assert harmless(RED) == "red"
    assert harmless(f"{RED}\x1b[2J", Colour.SHOWN) == RED + "\x1b[0m"
    assert harmless("\x1b[1;41mbad\nnext", Colour.SHOWN) == "\x1b[1;41mbad\x1b[0m\nnext"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_a_stream_cut_anywhere_reads_the_same(size: int) -> None:
    data = "ä\x1b[31mred\x1b[0m \x1b]0;title\x07日本\r\nend\r".encode()
    stream = ForeignStream(Colour.HIDDEN)
    shown = "".join(stream.feed(data[at : at + size]) for at in range(0, len(data), size)) + stream.end()
    assert shown == "äred 日本\nend\n"


def test_a_stream_does_not_wait_for_ever_for_the_end_of_a_sequence() -> None:
    stream = ForeignStream(Colour.HIDDEN)
    assert stream.feed(b"\x1b]0;" + b"x" * 10_000) + stream.feed(b"\nnext") == "\nnext"


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    stream = ForeignStream(Colour.HIDDEN)
    assert stream.feed(b"a\xffb") + stream.feed(b"\xe2\x82") + stream.end() == "a\ufffdb\ufffd"


def test_a_title_is_one_line() -> None:
    assert one_line("a\n  b\x1b[2J\tc") == "a b c"
