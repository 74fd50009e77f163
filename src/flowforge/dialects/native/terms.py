"""What a job says about itself besides its work: how often it is tried, on which machine, and what its end means."""

from flowforge.dialects.findings import Findings
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.fields import (
    check_keys,
    flag,
    items,
    mapping,
    one_of,
    whole_number,
)
from flowforge.dialects.native.names import group, word
from flowforge.dialects.node import Map, Node, Sequence
from flowforge.model.job_terms import JobTerms, RetryRule
from flowforge.model.status import Cause

MOST_RETRIES = 20
MOST_RULES = 20

CAUSES = tuple(
    cause.value for cause in (Cause.EXIT, Cause.INFRASTRUCTURE, Cause.TIMEOUT, Cause.OOM, Cause.LOST)
)


def terms(body: Map, labels: tuple[str, ...], findings: Findings) -> JobTerms:
    """`labels` come from elsewhere and go in front."""
    retries, ignored = body.get("retries"), body.get("allow_failure")
    target, serial = body.get("deploy_to"), body.get("serial-group")
    return JobTerms(
        allow_failure=bool(flag(ignored, "`allow_failure`", findings)) if ignored else False,
        retry=_rules(retries, findings) if retries else (),
        labels=_labels(body, labels, findings),
        environment=word(target, "`deploy_to`", findings) if target else "",
        serial_group=group(serial, "`serial-group`", findings) if serial else "",
    )


def _labels(body: Map, others: tuple[str, ...], findings: Findings) -> tuple[str, ...]:
    found = list(others)
    for key in ("labels", "runs_on"):
        if node := body.get(key):
            nodes = node.items if isinstance(node, Sequence) else (node,)
            found += (word(each, f"`{key}`", findings) for each in nodes)
    return tuple(dict.fromkeys(found))


def _rules(node: Node, findings: Findings) -> tuple[RetryRule, ...]:
    if isinstance(node, Map):
        return (_rule(node, findings),)
    if not isinstance(node, Sequence):
        limit = whole_number(node, "`retries`", 0, MOST_RETRIES, findings)
        return (RetryRule(limit=limit),) if limit else ()
    found = items(node, "`retries`", findings)
    if len(found) > MOST_RULES:
        message = f"`retries` has more than {MOST_RULES} rules"
        findings.error("too-many", node.mark, message, "write fewer")
    return tuple(_rule(each, findings) for each in found[:MOST_RULES])


def _rule(node: Node, findings: Findings) -> RetryRule:
    body = mapping(node, "a rule of `retries`", findings, "write `- {limit: 2, on: [infrastructure]}`")
    if body is None:
        return RetryRule(limit=1)
    check_keys(body, vocabulary.RETRY, findings)
    limit, on, codes = (body.get(key) for key in ("limit", "on", "exit_codes"))
    return RetryRule(
        limit=whole_number(limit, "`limit`", 1, MOST_RETRIES, findings) if limit else 1,
        causes=_causes(on, findings) if on else (),
        exit_codes=_codes(codes, findings) if codes else (),
    )


def _causes(node: Node, findings: Findings) -> tuple[Cause, ...]:
    nodes = items(node, "`on`", findings) if isinstance(node, Sequence) else (node,)
    found = (Cause(one_of(each, "a cause", CAUSES, findings)) for each in nodes)
    return tuple(dict.fromkeys(found))


def _codes(node: Node, findings: Findings) -> tuple[int, ...]:
    nodes = items(node, "`exit_codes`", findings) if isinstance(node, Sequence) else (node,)
    return tuple(whole_number(each, "an exit code", 1, 255, findings) for each in nodes)
