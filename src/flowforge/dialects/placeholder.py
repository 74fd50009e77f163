"""`<< parameters.name >>` in a text."""

import re

from flowforge.dialects.node import Scalar
from flowforge.dialects.outside import PLACE

PLACEHOLDER = re.compile(r"(?<!\\)<<[ \t]{0,20}([A-Za-z_][\w-]{0,100}(?:\.[\w-]{1,100}){1,6})[ \t]{0,20}>>")
"""One with a dot, so that the here-document in `cat <<EOF >>file` is left alone. `\\<<` stands for `<<`."""


def placeholders(text: str) -> list[str]:
    return PLACEHOLDER.findall(text) if "<<" in text else []


def sole_placeholder(text: str) -> str | None:
    """The name, where the text is nothing else."""
    match = PLACEHOLDER.fullmatch(text.strip())
    return match[1] if match else None


def embed(node: Scalar, values: "dict[str, Scalar]") -> Scalar:
    """`node` with those placeholders replaced that have a value."""
    parts: list[str] = []
    outside: list[str] = []
    own = iter(node.outside)
    end = 0
    for match in PLACEHOLDER.finditer(node.text):
        value = values.get(match[1])
        stop = match.start() if value else match.end()
        before = node.text[end:stop]
        parts.append(before)
        outside.extend(next(own, "") for _ in range(before.count(PLACE)))
        if value:
            parts.append(value.text)
            outside.extend(value.outside)
        end = match.end()
    rest = node.text[end:]
    text = "".join((*parts, rest))
    outside.extend(own)
    return Scalar(text=text, value=text, mark=node.mark, plain=False, outside=tuple(outside))
