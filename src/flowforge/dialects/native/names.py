"""Which names the grammar allows. Closed sets: a name ends up in paths, commands, pages and terminals."""

import posixpath
import re
from collections.abc import Callable

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native.fields import raw_text, text
from flowforge.dialects.node import Node, Scalar

LONGEST_NAME = 100
LONGEST_LABEL = 200
LONGEST_GROUP = 512
LONGEST_PATH = 1000
LONGEST_IMAGE = 512

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9 ._/:+@(),-]*[A-Za-z0-9._/:+@(),-])?")
_UNUSUAL = re.compile(r"\.{2,}|[^A-Za-z0-9 ._/:+@(),-]")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/:+-]{0,199}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
# The grammar of github.com/distribution/reference, which container engines parse with.
_HOST = r"(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])"
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_IMAGE = re.compile(
    rf"(?:{_HOST}(?::[0-9]+)?/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@{_DIGEST})?"
)


def name(node: Scalar, noun: str, findings: Findings) -> str:
    """The name of a job or a workflow."""
    word = raw_text(node, findings)
    if len(word) <= LONGEST_NAME and _NAME.fullmatch(word) and ".." not in word:
        return word
    hint = f"use up to {LONGEST_NAME} letters, digits, spaces and . _ - / : + @ ( ) , with a letter or digit in front"
    findings.error("bad-name", node.mark, f"{quote(word)} cannot be the name of {noun}", hint)
    return word


def label(node: Node, what: str, findings: Findings) -> str:
    """A title that is only ever shown."""
    title = text(node, what, findings)
    if len(title) > LONGEST_LABEL or not title.isprintable():
        hint = f"use one line of up to {LONGEST_LABEL} printable characters"
        findings.error("bad-name", node.mark, f"{what} cannot be {quote(title)}", hint)
    return title


def variable(node: Node, what: str, findings: Findings) -> str:
    """The name of an environment variable or a secret."""
    word = text(node, what, findings)
    if word and not _VARIABLE.fullmatch(word):
        hint = "use letters, digits and `_`, not beginning with a digit"
        findings.error("bad-name", node.mark, f"{what} cannot be {quote(word)}", hint)
    return word


def slug(words: str) -> str:
    """As much of `words` as the name of a job may hold."""
    return _UNUSUAL.sub("_", words)[: LONGEST_NAME // 2].strip(" _")


def is_variable(word: str) -> bool:
    return _VARIABLE.fullmatch(word) is not None


def parameter_name(node: Scalar, findings: Findings) -> str:
    word = node.text
    if not _PARAMETER.fullmatch(word):
        hint = "use up to 100 letters, digits, `_` and `-`, with a letter in front"
        findings.error("bad-name", node.mark, f"{quote(word)} cannot be the name of a parameter", hint)
    return word


def group(node: Node, what: str, findings: Findings) -> str:
    """A name that only has to be the same in several places."""
    word = text(node, what, findings)
    if len(word) > LONGEST_GROUP or not word.isprintable():
        hint = f"use one line of up to {LONGEST_GROUP} printable characters"
        findings.error("bad-name", node.mark, f"{what} cannot be {quote(word)}", hint)
    return word


def word(node: Node, what: str, findings: Findings) -> str:
    """A name without spaces: a runner's label, a host, a user, a grant."""
    found = text(node, what, findings)
    if found and not _WORD.fullmatch(found):
        hint = "use letters, digits and . _ - / : with a letter or digit in front"
        findings.error("bad-name", node.mark, f"{what} cannot be {quote(found)}", hint)
    return found


def image(node: Node, findings: Findings) -> str:
    reference = text(node, "`image`", findings)
    if reference and not (len(reference) <= LONGEST_IMAGE and _IMAGE.fullmatch(reference)):
        hint = "write it like `python:3.12` or `registry.example.org:5000/team/tool@sha256:…`, in lower case"
        findings.error("bad-image", node.mark, f"{quote(reference)} is not the name of an image", hint)
    return reference


def folder(node: Node, what: str, findings: Findings, ours: Callable[[str], str] = str) -> str:
    """A path in the job's container: absolute, or relative to the workspace and never above it. `ours` turns what a
    dialect writes into one of these."""
    path = ours(text(node, what, findings))
    if _unsafe(path):
        hint = "write a path below the workspace without `..`, or an absolute one; `~` is not replaced"
        findings.error("bad-path", node.mark, f"{what} cannot be {quote(path)}", hint)
    return posixpath.normpath(path)


def inner_folder(node: Node, what: str, findings: Findings, ours: Callable[[str], str] = str) -> str:
    """A path below the workspace, outside of any repository's own records."""
    path = ours(text(node, what, findings))
    if _unsafe(path) or path.startswith("/") or ".git" in path.lower().split("/"):
        hint = "write a path below the workspace without `..`, such as `src`"
        findings.error("bad-path", node.mark, f"{what} cannot be {quote(path)}", hint)
    return posixpath.normpath(path)


def _unsafe(path: str) -> bool:
    """Too long, above its start, not what it seems, or an option to a command."""
    return (
        len(path) > LONGEST_PATH
        or not path.isprintable()
        or ".." in path.split("/")
        or path.startswith(("~", "-"))
    )
