"""Globs of branch names: `*` stands for anything without a slash, `**` for anything, `?` for one character that is no slash.

Matched in time proportional to pattern times name, whatever both say: regular expressions made of globs are not.
"""

import re

_PARTS = re.compile(r"\*{2,}|.", re.DOTALL)
_ANYTHING = "**"


def is_glob(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def plain_characters(pattern: str) -> int:
    return sum(character not in "*?" for character in pattern)


def matches(pattern: str, name: str) -> bool:
    parts = [_ANYTHING if part.startswith(_ANYTHING) else part for part in _PARTS.findall(pattern)]
    reached = _skipped({0}, parts)
    for character in name:
        reached = _skipped(_after(reached, parts, character), parts)
    return len(parts) in reached


def _after(places: set[int], parts: list[str], character: str) -> set[int]:
    following = set()
    for place in places:
        if place == len(parts):
            continue
        part = parts[place]
        if part == _ANYTHING or (part == "*" and character != "/"):
            following.add(place)
        elif part == character or (part == "?" and character != "/"):
            following.add(place + 1)
    return following


def _skipped(places: set[int], parts: list[str]) -> set[int]:
    """With those behind a star, which may stand for nothing."""
    found = set(places)
    for start in sorted(places):
        place = start
        while place < len(parts) and parts[place] in ("*", _ANYTHING):
            place += 1
            found.add(place)
    return found
