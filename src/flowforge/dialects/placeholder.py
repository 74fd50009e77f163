"""`<< parameters.name >>` in a text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from flowforge.dialects.node import Scalar
from flowforge.dialects.outside import PLACE

PLACEHOLDER = re.compile(r"(?<!\\)<<[ \t]{0,20}([A-Za-z_][\w-]{0,100}(?:\.[\w-]{1,100}){1,6})[ \t]{0,20}>>")
"""One with a dot, so that the here-document in `cat <<EOF >>file` is left alone. `\\<<` stands for `<<`."""


def placeholders(text: str) -> list[str]:
    return PLACEHOLDER.findall(text) if "<<" in text else []


@dataclass(frozen=True, slots=True)
class Template:
    """A text in pieces: what stands between the placeholders, one more than `names`. `sole` is the one name where the
    text is nothing else."""

    names: tuple[str, ...]
    between: tuple[str, ...]
    sole: str | None


@lru_cache(maxsize=1024)
def template(text: str) -> Template:
    pieces = PLACEHOLDER.split(text)
    names, between = tuple(pieces[1::2]), tuple(pieces[::2])
    alone = len(names) == 1 and not any(piece.strip() for piece in between)
    return Template(names, between, names[0] if alone else None)


def embed(node: Scalar, values: Mapping[str, Scalar]) -> Scalar:
    """`node` with those placeholders replaced that have a value."""
    made = template(node.text)
    if not node.outside and not any(value.outside for value in values.values()):
        return _of_authors(node, made, values)
    parts: list[str] = []
    outside: list[str] = []
    own = iter(node.outside)
    for name, before in zip(made.names, made.between, strict=False):
        value = values.get(name)
        parts += (before, value.text if value else f"<< {name} >>")
        if node.outside:
            outside.extend(next(own, "") for _ in range(before.count(PLACE)))
        if value and value.outside:
            outside.extend(value.outside)
    text = "".join((*parts, made.between[-1]))
    outside.extend(own)
    return Scalar(text=text, value=text, mark=node.mark, plain=False, outside=tuple(outside))


def _of_authors(node: Scalar, made: Template, values: Mapping[str, Scalar]) -> Scalar:
    """With nobody else's words in it."""
    words = [values[name].text if name in values else f"<< {name} >>" for name in made.names]
    parts = [piece for pair in zip(made.between, words, strict=False) for piece in pair]
    text = "".join(parts) + made.between[-1]
    return Scalar(text=text, value=text, mark=node.mark, plain=False)
