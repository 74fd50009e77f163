"""`concurrency:`: which runs of a project go one after the other."""

from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.fields import check_keys, flag
from flowforge.dialects.native.names import group
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.node import Map, Node
from flowforge.model.pipeline_config import Concurrency


def concurrency(node: Node | None, reading: Reading) -> Concurrency | None:
    """A text is the group alone."""
    if node is None:
        return None
    if not isinstance(node, Map):
        return Concurrency(group=group(node, "`concurrency`", reading.findings))
    check_keys(node, vocabulary.CONCURRENCY, reading.findings)
    name, cancel = node.get("group"), node.get("cancel")
    if name is None:
        hint = "write `group: << pipeline.git.branch >>`"
        reading.findings.error("missing-key", node.mark, "`concurrency` has no `group`", hint)
        return None
    return Concurrency(
        group=group(name, "`group`", reading.findings),
        cancel=bool(flag(cancel, "`cancel`", reading.findings)) if cancel else False,
    )
