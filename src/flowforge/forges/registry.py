"""The forges, in the order in which they are asked whether a webhook is theirs."""

from flowforge.forges.forge import Forge, Headers
from flowforge.forges.github import GITHUB

FORGES: tuple[Forge, ...] = (GITHUB,)


def forge_of(headers: Headers) -> Forge | None:
    """None for a delivery that no forge here would send."""
    return next((forge for forge in FORGES if forge.recognise(headers)), None)


def forge_named(name: str) -> Forge | None:
    return next((forge for forge in FORGES if forge.name == name), None)
