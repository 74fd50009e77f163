import html
import json
import re
import shlex
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine.mask import MARK, Masker

TOKEN = "s3cr3t/T0ken+with=all&<the>'odd\"ones$"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nQEFAASCBKcwgg\nab\n-----END KEY-----\n"


def masked(secrets: dict[str, str], *chunks: bytes) -> bytes:
    masker = Masker(secrets)
    return b"".join(masker.feed(chunk) for chunk in chunks) + masker.flush()


def test_without_secrets_the_very_bytes_pass() -> None:
    masker = Masker({})
    data = b"anything"
    assert masker.feed(data) is data
    assert masker.held == 0
    assert masker.flush() == b""


SPELLINGS = {
    "raw": TOKEN,
    "json": json.dumps({"password": TOKEN}),
    "url": quote(TOKEN),
    "url component": quote(TOKEN, safe=""),
    "url lower case": re.sub("%..", lambda match: match[0].lower(), quote(TOKEN, safe="")),
    "form": quote_plus(TOKEN),
    "html": html.escape(TOKEN),
    "html text": html.escape(TOKEN, quote=False),
    "shell": shlex.quote(TOKEN),
    "shell double quotes": '"s3cr3t/T0ken+with=all&<the>\'odd\\"ones\\$"',
    "hex": TOKEN.encode().hex(),
    "HEX": TOKEN.encode().hex().upper(),
    "base64": b64encode(TOKEN.encode()).decode(),
    "base64 at 1": b64encode(b"x" + TOKEN.encode() + b"y").decode(),
    "base64 at 2": b64encode(b"xy" + TOKEN.encode() + b"y").decode(),
    "base64url": urlsafe_b64encode(b"user:" + TOKEN.encode()).decode(),
    "base64url twice": urlsafe_b64encode(urlsafe_b64encode(b"ab" + TOKEN.encode())).decode(),
    "base64 twice": b64encode(b64encode(b"user:" + TOKEN.encode())).decode(),
    "colours": "s3cr3t/T0\x1b[1;31mken+with\x1b[0m=all&<the>\r'odd\"ones$",
    "hyperlink": f"\x1b]8;;https://{TOKEN}@host\x1b\\text\x1b]8;;\x07",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_hidden_in_every_spelling_at_every_split(spelling: str) -> None:
    data = f"before {SPELLINGS[spelling]} after\n".encode()
    whole = masked({"TOKEN": TOKEN}, data)
    assert whole.startswith(b"before ")
    assert whole.endswith(b" after\n")
    assert MARK in whole
    for piece in (TOKEN[at : at + 10].encode() for at in range(len(TOKEN) - 10)):
        assert piece not in whole
    for at in range(len(data)):
        assert masked({"TOKEN": TOKEN}, data[:at], data[at:]) == whole


def test_each_line_of_a_secret_is_hidden_unless_it_is_short() -> None:
    text = b"key: QEFAASCBKcwgg and ab and MIIEvQIBADANBgkqhkiG9w0"
    assert masked({"KEY": KEY}, text) == b"key: *** and ab and ***"
    assert masked({"KEY": KEY}, KEY.replace("\n", "\r\n").encode(), b".") == b"***."


@pytest.mark.parametrize("value", ["", "short", "     1    ", "\n\n\n\n\n\n\n"])
def test_short_values_are_reported_and_not_hidden(value: str) -> None:
    masker = Masker({"B": value, "TOKEN": TOKEN, "A": value})
    assert masker.unmaskable == ("A", "B")
    assert masker.feed(b"a short text 1    \n") == b"a short text 1    \n"


def test_only_what_may_begin_a_secret_is_held_back() -> None:
    masker = Masker({"TOKEN": "password1"})
    assert masker.feed(b"my pass") == b"my "
    assert masker.held == 4
    assert masker.feed(b"age, my passw") == b"passage, my "
    assert masker.feed(b"ord1!") == b"***!"
    assert masker.held == 0
    assert masker.clean


def test_the_end_of_a_step_shows_what_was_held_back() -> None:
    masker = Masker({"TOKEN": "password1"})
    assert masker.feed(b"pass") == b""
    assert masker.flush() == b"pass"
    assert masker.feed(b"word1.") == b"word1."


def test_an_escape_sequence_is_held_back_until_it_is_whole() -> None:
    masker = Masker({"TOKEN": "password1"})
    assert masker.feed(b"pass\x1b[3") == b""
    assert masker.feed(b"1mword1") == b"***"
    assert masker.feed(b"\x1b[3") == b""
    assert masker.flush() == b"\x1b[3"


def test_overlapping_secrets_become_one_mark_and_touching_ones_two() -> None:
    secrets = {"A": "abcdef", "B": "defghi", "C": "xyzxyz"}
    assert masked(secrets, b"(abcdefghi)") == b"(***)"
    assert masked(secrets, b"(abcdefabcdef)") == b"(******)"
    assert masked(secrets, b"(xyzxyzxyzxyzxyz)") == b"(***)"
    assert masked(secrets, b"(xyzxyz\rxyz)") == b"(***)"


def test_a_secret_inside_another_is_hidden_with_it() -> None:
    secrets = {"A": "inner1", "B": "outer-inner1-outer"}
    assert masked(secrets, b"[outer-inner1-outer] [outer-inner1-oute]") == b"[***] [outer-***-oute]"


def test_while_marked_bytes_may_begin_a_secret_the_masker_is_not_clean() -> None:
    masker = Masker({"A": "abcabc"})
    assert masker.feed(b"abcabc") == b"***"
    assert masker.held == 3
    assert not masker.clean
    assert masker.feed(b"abc!") == b"!"
    assert masker.clean


def test_a_secret_of_any_size_holds_little_back() -> None:
    secret = "".join(f"{number:x}." for number in range(20_000))
    masker = Masker({"BIG": secret})
    shown = masker.feed(secret.encode()[:-5])
    assert masker.held < 10_000
    assert set(shown + masker.flush()[:-2000]) == {ord("*")}


def test_controls_without_end_are_not_held_back_for_ever() -> None:
    secrets = {"TOKEN": "password1"}
    masker = Masker(secrets)
    stream = [b"pass", *[b"\r" * 1000] * 50, b"word1."]
    shown = b"".join(map(masker.feed, stream))
    assert masker.held == 0
    assert shown == b"".join(stream)
    assert masked(secrets, b"".join(stream)) == shown
    assert (
        masked(secrets, b"\x1b]8;" + b"x" * 1000 + b"password1\x07") == b"\x1b]8;" + b"x" * 1000 + b"***\x07"
    )


@pytest.mark.parametrize(
    "value", ["\udc80\udcffabcd", "\ud800abcdef", "pässwörd", "\x1b[31m\r\x1b[0m", "\x00" * 9]
)
def test_any_text_can_be_a_secret(value: str) -> None:
    raw = value.encode("utf-8", "surrogatepass" if "\ud800" in value else "surrogateescape")
    assert masked({"ODD": value}, b"<" + raw + b">") == b"<***>"


PIECES = st.sampled_from(
    [
        b"\x1b[31m",
        b"\x1b[",
        b"\x1b]8;;",
        b"\x07",
        b"\x1b\\",
        b"\r",
        b"\n",
        b"31m",
        b"a",
        b"b",
        b"ab",
        b"ababab",
        b"***",
    ]
)
VALUES = st.lists(
    st.sampled_from(["a", "b", "ab", "31m", "\r", "\n", "\x1b[", "c"]), min_size=3, max_size=9
).map("".join)


@st.composite
def streams(draw: st.DrawFn) -> tuple[dict[str, str], list[bytes]]:
    secrets = {
        str(index): value for index, value in enumerate(draw(st.lists(VALUES, min_size=1, max_size=3)))
    }
    bodies = [value.encode() for value in secrets.values()]
    spelled = [*bodies, *map(b64encode, bodies), *(body[: len(body) // 2] for body in bodies)]
    pieces = draw(st.lists(PIECES | st.sampled_from(spelled) | st.binary(max_size=3), max_size=12))
    text = b"".join(pieces)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return secrets, [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(streams())
def test_how_a_stream_is_cut_changes_nothing(stream: tuple[dict[str, str], list[bytes]]) -> None:
    secrets, chunks = stream
    text = b"".join(chunks)
    whole = masked(secrets, text)
    assert masked(secrets, *chunks) == whole
    assert masked(secrets, *(text[at : at + 1] for at in range(len(text)))) == whole
    for value in secrets.values():
        assert len(value.strip()) < 6 or value.encode() not in whole


@given(streams())
def test_a_new_masker_goes_on_from_the_first_held_byte(stream: tuple[dict[str, str], list[bytes]]) -> None:
    secrets, chunks = stream
    text = b"".join(chunks)
    whole = masked(secrets, text)
    masker = Masker(secrets)
    shown, fed = b"", 0
    for chunk in chunks:
        shown += masker.feed(chunk)
        fed += len(chunk)
        if masker.clean:
            assert shown + masked(secrets, text[fed - masker.held :]) == whole
    assert shown + masker.flush() == whole


def test_a_value_that_is_added_is_hidden_from_that_byte_on() -> None:
    masker = Masker({"A": "password1"})
    assert masker.feed(b"other-secret password1 other-se") == b"other-secret *** other-se"
    masker.add({"B": "other-secret", "C": "ab"})
    assert masker.unmaskable == ("C",)
    assert masker.feed(b"other-secret ab password1") == b"*** ab ***"


def test_what_is_held_back_when_a_value_is_added_is_still_hidden() -> None:
    masker = Masker({"A": "abcdefgh"})
    assert masker.feed(b"abcdef") == b""
    masker.add({"B": "abcdefxyz"})
    assert masker.feed(b"xyz abcdefgh") == b"***" + b" ***"


def test_a_text_apart_is_hidden_and_the_stream_takes_no_notice() -> None:
    masker = Masker({"A": "pässwörd1"})
    assert masker.feed("päss".encode()) == b""
    assert masker.hide("step pässwörd1: p\ud800") == "step ***: p\ud800"
    assert masker.feed("wörd1".encode()) + masker.flush() == b"***"
    assert Masker({}).hide("as it is") == "as it is"


ENCODINGS = {
    "raw": lambda raw: raw,
    "line breaks": lambda raw: raw.replace(b"\n", b"\r\n"),
    "json": lambda raw: json.dumps(raw.decode())[1:-1].encode(),
    "url": lambda raw: quote(raw, safe="").encode(),
    "form": lambda raw: quote_plus(raw).encode(),
    "html": lambda raw: html.escape(raw.decode()).encode(),
    "shell": lambda raw: shlex.quote(raw.decode()).encode(),
    "hex": lambda raw: raw.hex().encode(),
    "HEX": lambda raw: raw.hex().upper().encode(),
    "base64": b64encode,
    "base64 at 1": lambda raw: b64encode(b"u:" + raw + b"tail")[3:-6],
    "base64 at 2": lambda raw: b64encode(b"u" + raw + b"tail")[2:-6],
    "base64url": lambda raw: urlsafe_b64encode(b"user:" + raw),
    "base64 twice": lambda raw: b64encode(b64encode(b"user:" + raw)),
    "base64url twice": lambda raw: urlsafe_b64encode(urlsafe_b64encode(raw)),
}
SECRETS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\0\r\x1b"),
    min_size=8,
    max_size=30,
)
ESCAPES = st.sampled_from([b"\x1b[31m", b"\x1b[0m", b"\r", b"\x1b]8;;\x07", b"\x1b[K"])


@given(
    value=SECRETS,
    encoding=st.sampled_from(sorted(ENCODINGS)),
    escapes=st.lists(st.tuples(st.integers(0, 200), ESCAPES), max_size=3),
    cut=st.integers(0, 400),
)
def test_no_encoding_at_no_split_with_no_colour_in_it_gets_through(
    value: str, encoding: str, escapes: list[tuple[int, bytes]], cut: int
) -> None:
    if len(value.strip()) < 8:
        return
    spelled = ENCODINGS[encoding](value.encode())
    coloured = spelled
    # From the back, so that none is put into another one.
    for at, escape in sorted(((min(at, len(spelled)), each) for at, each in escapes), reverse=True):
        coloured = coloured[:at] + escape + coloured[at:]
    text = b"<<" + coloured + b">>"
    shown = masked({"S": value}, text[:cut], text[cut:])
    plain = re.sub(rb"\r|\x1b\[[0-9;]*[mK]|\x1b\]8;;\x07", b"", shown)
    assert b"***" in shown, spelled
    assert spelled not in plain
    assert len(plain) <= len(spelled) // 2 + 20, "what is left of it is its unstable edges"


@given(value=SECRETS, cuts=st.tuples(st.integers(0, 60), st.integers(0, 60)))
def test_two_streams_of_one_job_do_not_disturb_each_other(value: str, cuts: tuple[int, int]) -> None:
    if len(value.strip()) < 8:
        return
    raw = value.encode()
    out, err = Masker({"S": value}), Masker({"S": value})
    shown = out.feed(raw[: cuts[0]]), err.feed(raw[: cuts[1]])
    after = out.feed(raw[cuts[0] :]) + out.flush(), err.feed(raw[cuts[1] :]) + err.flush()
    for begun, ended in zip(shown, after, strict=True):
        assert begun + ended == b"***" or value.strip().encode() not in begun + ended
