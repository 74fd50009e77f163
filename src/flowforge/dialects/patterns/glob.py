"""Globs of paths: `*` within a folder, `**` across folders, `?`, and `[a-z]`."""

import re
from functools import lru_cache

from flowforge.dialects.patterns.automaton import Automaton
from flowforge.dialects.patterns.regex import compile_regex

_TOKENS = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]\\/]+\]|.", re.DOTALL)
_MEANING = {"**/": "(?:[^/]+/)*", "**": "[^\\n]*", "*": "[^/]*", "?": "[^/]"}


@lru_cache(maxsize=256)
def compile_glob(pattern: str) -> Automaton:
    """A pattern that ends in `/` means all that is below. Raises BadPattern."""
    whole = f"{pattern}**" if pattern.endswith("/") else pattern
    return compile_regex("".join(_part(piece) for piece in _TOKENS.findall(whole)))


def _part(piece: str) -> str:
    if piece in _MEANING:
        return _MEANING[piece]
    if len(piece) > 1:
        return piece.replace("[!", "[^", 1)
    return piece if piece.isalnum() or piece in "/_-" else f"\\{piece}"
