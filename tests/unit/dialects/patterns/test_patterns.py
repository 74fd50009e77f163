"""Patterns that people write, and patterns that somebody wrote to hurt."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowforge.dialects.patterns.automaton import MOST_STATES
from flowforge.dialects.patterns.glob import compile_glob
from flowforge.dialects.patterns.regex import BadPattern, compile_regex


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("main", "main", True),
        ("main", "domain", False),
        ("a|b|", "b", True),
        ("a|b|", "", True),
        ("release-.*", "release-1/2", True),
        ("a.c", "a\nc", False),
        (r"^v[0-9]+(\.[0-9]+){2}$", "v1.2.3", True),
        (r"^v[0-9]+(\.[0-9]+){2}$", "v1.2", False),
        ("(?i)MAIN-[a-c]", "main-B", True),
        ("MAIN", "main", False),
        ("a{2,}b", "aaaab", True),
        ("a{2,}b", "ab", False),
        ("a{2,3}", "aaaa", False),
        ("a{0}b", "b", True),
        ("a{,2}", "a{,2}", True),
        ("x?y+?z*+", "yyz", True),
        (r"\d+\D\w\W\s\S", "12a_- x", True),
        (r"[^\d]+", "abc", True),
        (r"[\w.-]+", "a.b-c", True),
        (r"[]a]+", "]a", True),
        (r"[a-]", "-", True),
        (r"[\x41-\x43]", "B", True),
        (r"\u0041\x42\n\.\/", "AB\n./", True),
        ("(?:ab){3}", "ababab", True),
        ("((a|b){2}c){2}", "abcbac", True),
        ("(^main|^dev$)", "dev", True),
        ("a$b", "a", False),
        ("a^b", "ab", False),
        ("a*^b", "b", True),
        ("(a|^)b$|c$", "b", True),
        ("^$", "", True),
        ("", "", True),
        ("a", "aa", False),
    ],
)
def test_pattern_matches_whole_names(pattern: str, text: str, matches: bool) -> None:
    assert compile_regex(pattern).matches(text) is matches


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a", "has no `)`"),
        ("a)", "has no `(`"),
        ("*a", "nothing to repeat"),
        ("a**", "side by side"),
        ("a+*", "side by side"),
        ("a{201}", "number of repetitions"),
        ("a{3,2}", "number of repetitions"),
        ("(?=a)b", "look-around"),
        ("(?<x>a)", "look-around"),
        (r"(a)\1", "is not known"),
        (r"\bword", "is not known"),
        ("a\\", "ends too early"),
        ("[a", "ends too early"),
        ("[z-a]", "not a range"),
        (r"[a-\x20]", "not a range"),
        ("a" * 501, "more than 500"),
        ("(" * 60 + ")" * 60, "inside one another"),
        ("(((a{99}){99}){99})", "repeats too much"),
        ("((((){200}){200}){200})", "repeats too much"),
    ],
)
def test_pattern_that_cannot_be_is_named(pattern: str, why: str) -> None:
    with pytest.raises(BadPattern, match=re.escape(why)):
        compile_regex(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a*)*b", "(a|aa)+b", "(a|a?)+b", "(.*a){20}b", "(a|b|ab)*c", "(([a-z])+.)+[A-Z]b"]
)
def test_evil_pattern_looks_at_each_character_once(pattern: str) -> None:
    automaton = compile_regex(pattern)
    assert not automaton.matches("a" * 20_000 + "!")
    assert len(automaton._steps) <= MOST_STATES


def test_what_is_remembered_of_many_characters_has_a_bound() -> None:
    automaton = compile_regex(".*x")
    assert automaton.matches("".join(map(chr, range(0x4E00, 0x4E00 + 2 * MOST_STATES))) + "x")
    assert len(automaton._steps) <= MOST_STATES


simple = st.recursive(
    st.sampled_from(["a", "b", "[ab]", ".", "c", "[^a]", "\\."]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join).map("({})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(simple, st.text(alphabet="abc.", max_size=8))
def test_pattern_means_what_it_means_elsewhere(pattern: str, text: str) -> None:
    try:
        automaton = compile_regex(pattern)
    except BadPattern:
        return
    assert automaton.matches(text) is (re.fullmatch(pattern, text) is not None)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab(|)*+?{}[]^$\\d,-1.:i", max_size=20), st.text(alphabet="ab1", max_size=5))
def test_any_text_is_a_pattern_or_refused(pattern: str, text: str) -> None:
    try:
        compile_regex(pattern).matches(text)
    except BadPattern:
        return


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("src/**", "src/a/b.py", True),
        ("src/**", "srcs/a", False),
        ("src/", "src/a/b.py", True),
        ("**/x.py", "x.py", True),
        ("**/x.py", "a/b/x.py", True),
        ("*.py", "a/b.py", False),
        ("a?c[0-9]", "abc1", True),
        ("[!a].md", "b.md", True),
        ("a.b", "axb", False),
        ("a+(b)|{c}", "a+(b)|{c}", True),
        ("[", "[", True),
        ("ü-_*", "ü-_x", True),
    ],
)
def test_glob_matches_paths(pattern: str, path: str, matches: bool) -> None:
    assert compile_glob(pattern).matches(path) is matches
