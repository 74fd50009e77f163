"""Words of somebody else in a value: a branch's name, a title, an input. They may stand anywhere but in a script."""

import re
from collections.abc import Mapping

from flowforge.dialects.node import Scalar

PLACE = "\0"
VARIABLE = "FLOWFORGE_VALUE_"

_PLACE = re.compile(PLACE)


def outsider(value: str, scalar: Scalar) -> Scalar:
    """`value` where `scalar` stood."""
    return Scalar(text=PLACE, value=PLACE, mark=scalar.mark, plain=False, outside=(value,))


def filled(node: Scalar) -> str:
    """The text with everything in its place."""
    if not node.outside:
        return node.text
    values = iter(node.outside)
    return _PLACE.sub(lambda _: next(values, ""), node.text)


def scripted(node: Scalar) -> tuple[str, Mapping[str, str]]:
    """The text as a shell may run it, and the variables that carry what is not the author's."""
    if not node.outside:
        return node.text, {}
    variables = {
        value: f"{VARIABLE}{number}" for number, value in enumerate(dict.fromkeys(node.outside), start=1)
    }
    values = iter(node.outside)
    text = _PLACE.sub(lambda _: f"${{{variables[next(values)]}}}", node.text)
    return text, {name: value for value, name in variables.items()}
