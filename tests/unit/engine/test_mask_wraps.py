"""Secrets that tools print over several lines."""

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine.mask import Masker
from flowforge.engine.mask_wraps import HEAD, NARROWEST, SHORTEST_WRAPPED

LONG = "".join(f"{number * 7919 % 65521:04x}Qz" for number in range(40))
PEM = "\n".join(
    ["-----BEGIN KEY-----"]
    + [b64encode(bytes((line * 61 + at * 37) % 256 for at in range(48))).decode() for line in range(12)]
    + ["-----END KEY-----", ""]
)
UNSTABLE = 3
"""Characters of base64 at each end that depend on what stands beside the value."""


def masked(value: str, *chunks: bytes) -> bytes:
    masker = Masker({"S": value})
    return b"".join(map(masker.feed, chunks)) + masker.flush()


def wrapped(text: bytes, width: int, line_break: bytes = b"\n") -> bytes:
    return line_break.join(text[at : at + width] for at in range(0, len(text), width)) + line_break


def fold(text: bytes, width: int) -> bytes:
    return b"".join(wrapped(line, width) for line in text.splitlines())


def echoed(value: str) -> bytes:
    return value.encode() + b"\n"


COMMANDS = {
    "echo | base64": wrapped(b64encode(echoed(LONG)), 76),
    "echo user: | base64": wrapped(b64encode(b"user:" + echoed(LONG)), 76),
    "echo | openssl base64": wrapped(b64encode(echoed(LONG)), 64),
    "echo | base64 -w 20": wrapped(b64encode(echoed(LONG)), 20),
    "echo | xxd -p": wrapped(echoed(LONG).hex().encode(), 60),
    "echo | xxd -p -u": wrapped(echoed(LONG).hex().upper().encode(), 60),
    "echo | fold -w 40": fold(echoed(LONG), 40),
    "base64 -w 0 | base64": wrapped(b64encode(b64encode(echoed(LONG))), 76),
    "base64 on Windows": wrapped(b64encode(echoed(LONG)), 64, b"\r\n"),
    "coloured": wrapped(b64encode(echoed(LONG)), 64, b"\x1b[0m\r\n\x1b[32m"),
    "two breaks": wrapped(b64encode(echoed(LONG)), 76, b"\n\n"),
}
PEM_COMMANDS = {
    "base64 < key": wrapped(b64encode(PEM.encode()), 76),
    "openssl base64 < key": wrapped(b64encode(PEM.encode()), 64),
    "xxd -p key": wrapped(PEM.encode().hex().encode(), 60),
    "fold -w 40 key": fold(PEM.encode(), 40),
}


def bare(shown: bytes) -> bytes:
    return re.sub(rb"\x1b\[[0-9;]*[mK]|\r|\n|\*\*\*", b"", shown)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        *(pytest.param(LONG, printed, id=name) for name, printed in COMMANDS.items()),
        *(pytest.param(PEM, printed, id=name) for name, printed in PEM_COMMANDS.items()),
    ],
)
def test_what_a_tool_prints_over_several_lines_is_hidden_on_each(value: str, printed: bytes) -> None:
    text = b"before\n" + printed + b"after\n"
    whole = masked(value, text)
    assert whole.startswith(b"before\n")
    assert whole.endswith(b"after\n")
    assert whole.count(b"\n") == text.count(b"\n")
    assert len(bare(whole)) <= len("beforeafter") + 10, whole
    for size in (7, 64) if value is LONG else (100,):
        assert masked(value, *(text[at : at + size] for at in range(0, len(text), size))) == whole


def test_each_line_has_its_mark_and_the_line_breaks_are_as_they_were() -> None:
    assert masked(LONG, b"[" + wrapped(LONG.encode(), 100, b"\r\n")[:-2] + b"]") == b"[***\r\n***\r\n***]"
    coloured = wrapped(LONG.encode(), 100, b"\x1b[K\n\n\x1b[1m")
    assert masked(LONG, coloured) == b"***\x1b[K\n\n\x1b[1m" * 3
    quoted = wrapped(LONG.encode(), 100, b"\n>")
    assert masked(LONG, quoted) == quoted


def test_a_secret_that_is_wrapped_inside_an_escape_sequence_is_hidden() -> None:
    hyperlink = f"\x1b]8;;https://{LONG[:100]}\n{LONG[100:]}@host\x1b\\text\x1b]8;;\x07".encode()
    assert masked(LONG, hyperlink) == b"\x1b]8;;https://***\n***@host\x1b\\text\x1b]8;;\x07"


@pytest.mark.parametrize("at", [HEAD, 5, 12, SHORTEST_WRAPPED - 2])
def test_a_spelling_of_the_shortest_length_is_hidden_over_a_break_and_a_shorter_one_is_not(at: int) -> None:
    value = "kT8vQm2xWz5cRb9nLp3jHd7f"
    assert len(value) == SHORTEST_WRAPPED
    text = value[:at] + "\n" + value[at:]
    assert masked(value, text.encode()) == b"***\n***"
    shorter = value[:-1]
    text = shorter[:at] + "\n" + shorter[at:]
    assert masked(shorter, text.encode()) == text.encode()


@pytest.mark.parametrize("at", range(1, HEAD))
def test_of_a_head_too_short_to_hold_back_the_next_line_is_hidden_alone(at: int) -> None:
    text = f"line {LONG[:at]}\n{LONG[at:100]}\n{LONG[100:]} end"
    masker = Masker({"S": LONG})
    begun = f"line {LONG[:at]}\n".encode()
    assert masker.feed(begun) == begun
    shown = begun + masker.feed(text.encode()[len(begun) :]) + masker.flush()
    assert shown == begun + LONG[at : HEAD - 1].encode() + b"***\n*** end"
    assert masked(LONG, text.encode()) == shown


def test_lines_narrower_than_the_narrowest_are_left_alone() -> None:
    for width in (NARROWEST - 1, 4):
        text = wrapped(LONG.encode(), width)
        assert masked(LONG, text) == text
    assert bare(masked(LONG, wrapped(LONG.encode(), NARROWEST))) == b""


def test_a_line_is_held_back_only_while_a_spelling_may_go_on() -> None:
    masker = Masker({"LONG": LONG, "SHORT": "kT8vQm2xWz5c"})
    assert masker.feed(f"a line {LONG[:30]}\n".encode()) == b"a line "
    assert masker.held == 31
    assert masker.feed(b"another line\n") == f"{LONG[:30]}\nanother line\n".encode()
    assert masker.feed(f"a line {LONG[: HEAD - 1]}\n".encode()) == f"a line {LONG[: HEAD - 1]}\n".encode()
    assert masker.feed(f"an end {LONG[40:60]}\n".encode()) == f"an end {LONG[40:60]}\n".encode()
    assert masker.feed(b"a line kT8vQm2x\n") == b"a line kT8vQm2x\n"
    assert masker.held == 0


def test_a_line_that_is_held_back_is_shown_by_the_end() -> None:
    masker = Masker({"LONG": LONG})
    text = f"a line {LONG[:30]}\n\n".encode()
    assert masker.feed(text) == b"a line "
    assert masker.flush() == text[len(b"a line ") :]


def test_breaks_without_end_are_not_held_back_for_ever() -> None:
    stream = [LONG.encode()[:30], *[b"\n" * 1000] * 50, LONG.encode()[30:] + b"."]
    masker = Masker({"S": LONG})
    shown = b"".join(map(masker.feed, stream))
    assert masker.held == 0
    assert shown == b"".join(stream) == masked(LONG, b"".join(stream))


def test_parts_of_a_wrapped_secret_behind_what_is_shown_stay_hidden() -> None:
    first, second = "kT8vQm2xWz5cRb9nLp3jHd7fkT8vQm2x", "Lp3jHd7fkT8vQm2x-and-so-on-and-on"
    masker = Masker({"A": first, "B": second})
    assert masker.feed(f"{first[:14]}\n{first[14:28]}\n{first[28:]}".encode()) == b"***\n***"
    assert not masker.clean
    assert masker.feed(b"!") == b"\n***!"
    assert masker.clean


def test_a_secret_that_repeats_itself_is_hidden_over_every_break() -> None:
    text = wrapped(b"ab" * 200, 50)
    assert masked("ab" * 15, text) == b"***\n" * 8
    assert masked("ab" * 15, b"x" + text + b"\nx") == b"x" + b"***\n" * 8 + b"\nx"


def test_one_whole_and_one_wrapped_occurrence_are_both_hidden() -> None:
    text = f"{LONG}\n{LONG[:100]}\n{LONG[100:]}\n".encode()
    assert masked(LONG, text) == b"***\n***\n***\n"
    assert masked(LONG, f"{LONG}\n{LONG}".encode()) == b"***\n***"


SPELLED: dict[str, Callable[[bytes, int], bytes]] = {
    "plain": lambda raw, _: raw,
    "hex": lambda raw, _: raw.hex().encode(),
    "HEX": lambda raw, _: raw.hex().upper().encode(),
    "base64": lambda raw, before: b64encode(b"#" * before + raw + b"\n"),
    "base64url": lambda raw, before: urlsafe_b64encode(b"#" * before + raw + b"\n"),
    "base64 twice": lambda raw, before: b64encode(b64encode(b"#" * before + raw + b"\n")),
}
VALUES = st.text("abcxyzXYZ0189+/_-ü", min_size=30, max_size=90)
NOISE = st.sampled_from([b"\n", b"\r\n", b"\x1b[0m\n", b"\x1b[K\r\n\x1b[1;31m", b"\n\n"])
AROUND = st.sampled_from(
    [b"", b"a line\n", b"no end ", b"\x1b[32mgreen\x1b[0m\n", b"one\ntwo\nthree\n", b"ab\r\n"]
)


@st.composite
def printed(draw: st.DrawFn) -> tuple[str, bytes, bytes, list[bytes]]:
    value = draw(VALUES)
    spelled = SPELLED[draw(st.sampled_from(sorted(SPELLED)))](value.encode(), draw(st.integers(0, 3)))
    width, indent = draw(st.integers(NARROWEST, 120)), draw(st.integers(0, 11))
    line_break = draw(NOISE)
    head = spelled[:indent]
    lines = (head + line_break if head else b"") + wrapped(spelled[indent:], width, line_break)
    before, after = draw(AROUND), draw(AROUND)
    text = before + lines + after
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return value, before, after, [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]


@given(printed())
def test_of_no_spelling_at_no_width_more_than_its_edges_is_seen(
    case: tuple[str, bytes, bytes, list[bytes]],
) -> None:
    value, before, after, chunks = case
    text = b"".join(chunks)
    shown = masked(value, *chunks)
    assert shown == masked(value, text)
    assert shown.count(b"\n") == text.count(b"\n")
    assert shown.startswith(before)
    assert shown.endswith(after)
    seen = bare(shown[len(before) : len(shown) - len(after)])
    neighbours = 3 + len("\n")
    assert len(seen) <= neighbours * 2 + 2 * 2 * UNSTABLE + HEAD - 1, (
        "what is left are base64's edges and a short head"
    )
