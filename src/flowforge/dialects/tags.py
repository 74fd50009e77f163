"""Which tags a document may carry: YAML's own seven kinds, and nothing that makes objects."""

import re
from typing import Any

import yaml

from flowforge.dialects.core_schema import value_of
from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.node import Value
from flowforge.model.problem import Mark

_CORE = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({"!", f"{_CORE}str"})
_COLLECTIONS: dict[type, str] = {
    yaml.MappingStartEvent: f"{_CORE}map",
    yaml.SequenceStartEvent: f"{_CORE}seq",
}
_TYPES: dict[str, tuple[type, ...]] = {
    f"{_CORE}null": (type(None),),
    f"{_CORE}bool": (bool,),
    f"{_CORE}int": (int,),
    f"{_CORE}float": (float, int),
}
_KNOWN = frozenset({*_TEXT_TAGS, *_TYPES, *_COLLECTIONS.values()})
_UNUSABLE = re.compile("[\0\ud800-\udfff]")


def scalar_value(event: Any, mark: Mark, findings: Findings) -> Value:
    text: str = event.value
    if _UNUSABLE.search(text):
        findings.unreadable(
            "not-text", mark, "an escape in this text stands for no character", "remove the escape"
        )
    if event.tag is None:
        return value_of(text) if event.implicit[0] else text
    if event.tag not in _TEXT_TAGS:
        return _tagged(text, event.tag, mark, findings)
    return text


def check_collection_tag(event: Any, mark: Mark, findings: Findings) -> None:
    if event.tag in (None, "!", _COLLECTIONS[type(event)]):
        return
    if event.tag in _KNOWN:
        _wrong(event.tag, mark, findings)
    else:
        _unknown(event.tag, mark, findings)


def _tagged(text: str, tag: str, mark: Mark, findings: Findings) -> Value:
    value = value_of(text)
    if tag not in _KNOWN:
        _unknown(tag, mark, findings)
    elif type(value) not in _TYPES.get(tag, ()):
        _wrong(tag, mark, findings)
    return value


def _wrong(tag: str, mark: Mark, findings: Findings) -> None:
    short = f"`!!{tag.removeprefix(_CORE)}`"
    findings.unreadable("wrong-tag", mark, f"this is not a value of the tag {short}", f"remove {short}")


def _unknown(tag: str, mark: Mark, findings: Findings) -> None:
    short = f"!!{tag.removeprefix(_CORE)}" if tag.startswith(_CORE) else tag
    hint = "remove the tag, or quote text that begins with `!`"
    findings.unreadable("unknown-tag", mark, f"the tag {quote(short)} means nothing here", hint)
