"""Lines of logs as HTML."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.server.pages.ansi import LONGEST, line_html, plain_text


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.depth = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.depth += 1

    def handle_endtag(self, tag: str) -> None:
        self.depth -= 1

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("raw", "html"),
    [
        (b"plain", "plain"),
        (b"tab\there", "tab\there"),
        (b"\x1b[31mred\x1b[0m not", '<span class="a1">red</span> not'),
        (b"\x1b[1;91mbold\x1b[22m thin", '<span class="a9 ab">bold</span><span class="a9"> thin</span>'),
        (b"\x1b[44mback\x1b[49m", '<span class="b4">back</span>'),
        (b"\x1b[38;5;10mten\x1b[39m no", '<span class="a10">ten</span> no'),
        (b"\x1b[38;5;200mmany", "many"),
        (b"\x1b[38;2;1;2;3mtrue\x1b[4mline", 'true<span class="au">line</span>'),
        (b"\x1b[3mslant\x1b[23m\x1b[mx", '<span class="ai">slant</span>x'),
        (b"\x1b[2Jcleared\x1b[10;5Hmoved", "clearedmoved"),
        (b"\x1b]0;title\x07after", "after"),
        (b"\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b]52;c;c2VjcmV0\x07x", "x"),
        (b"\x1bPdevice\x1b\\x", "x"),
        (b"\x1b(Bx\x1b7y", "xy"),
        (b"10%\r50%\r100%", "100%"),
        (b"windows\r", "windows"),
        (b"bell\x07 null\x00", "bell\u2407 null\u2400"),
        ("\u202egnp.exe".encode(), "[U+202E]gnp.exe"),
        (b"\x1b", ""),
        (b"\x1b[", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"<b>&\"'", "&lt;b&gt;&amp;&quot;&#x27;"),
        (b"\x1b[31m<b>", '<span class="a1">&lt;b&gt;</span>'),
        (b'\x1b["><script>m', "&quot;&gt;&lt;script&gt;m"),
    ],
)
def test_colours_stay_and_commands_go(raw: bytes, html: str) -> None:
    assert line_html(raw) == html


def test_a_long_line_is_cut_and_says_so() -> None:
    html = line_html(b"x" * 10_000_000)
    assert len(html) < LONGEST + 100
    assert "the line goes on" in html


@given(st.binary(max_size=300))
def test_no_bytes_make_markup(raw: bytes) -> None:
    tags = Tags(line_html(raw))
    assert set(tags.tags) <= {"span"}
    assert tags.depth == 0
    assert {name for name, _ in tags.attributes} <= {"class"}
    assert not {c for c in tags.text if (ord(c) < 32 and c not in "\t\n") or 0x7F <= ord(c) < 0xA0}


@given(st.text(alphabet="\x1b[]0123456789;mABPX^_\x07\\ <>", max_size=200))
def test_no_sequence_of_escapes_makes_markup(text: str) -> None:
    tags = Tags(line_html(text.encode()))
    assert set(tags.tags) <= {"span"}
    assert "\x1b" not in tags.text


def test_plain_text_is_without_escapes() -> None:
    assert plain_text(b"\x1b[1mbold\x1b[0m\x1b]0;t\x07") == "bold"
