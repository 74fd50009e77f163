"""Whether somebody else's code may run here."""

from flowforge.model.run import Approval, Run


def covers(approval: Approval | None, run: Run) -> bool:
    """An approval is good for the one commit and config that it was given for, and nothing else."""
    return approval is not None and (approval.commit, approval.config_digest) == (
        run.trigger.commit,
        run.config_digest,
    )


def why_held(run: Run) -> str:
    """Empty for a run that need not wait: those who wrote its code may write to the repository anyway, or it was
    approved."""
    if run.trigger.trusted or covers(run.approval, run):
        return ""
    return f"from a fork: waits for an approval of commit {run.trigger.commit[:12]} with this config"
