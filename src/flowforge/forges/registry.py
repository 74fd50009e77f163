"""The forges, in the order in which they are asked whether a webhook is theirs."""

from flowforge.forges.bitbucket import BITBUCKET
from flowforge.forges.forge import Forge, Headers
from flowforge.forges.gitea import FORGEJO, GITEA
from flowforge.forges.github import GITHUB
from flowforge.forges.gitlab import GITLAB

FORGES: tuple[Forge, ...] = (GITHUB, GITLAB, BITBUCKET, GITEA, FORGEJO)


def forge_of(headers: Headers) -> Forge | None:
    """None for a delivery that no forge here would send, and for one that more than one of them claims."""
    claiming = [forge for forge in FORGES if forge.recognise(headers)]
    return claiming[0] if len(claiming) == 1 else None


def forge_named(name: str) -> Forge | None:
    return next((forge for forge in FORGES if forge.name == name), None)
