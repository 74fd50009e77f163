"""What the settings say about forges, put together: each token with the one origin it is for."""

from collections.abc import Mapping

from flowforge.adapters.notify.commit_statuses import ForgeCommitStatuses
from flowforge.adapters.vault.forge_tokens import ForgeTokens
from flowforge.adapters.vault.layered import LayeredVault
from flowforge.forges.registry import FORGES
from flowforge.ports import CommitStatuses, Http, Store, Vault
from flowforge.services.clone_tokens import CloneTokens
from flowforge.settings import Settings


def clone_tokens(settings: Settings, store: Store, kept: Vault) -> CloneTokens:
    """Tokens that are `kept` come before those of the settings."""
    tokens = _clone_tokens(settings)
    vault = LayeredVault(kept, ForgeTokens({forge.token_name: tokens[forge.name] for forge in FORGES}))
    return CloneTokens(store, vault, {home: name for name, home in _homes(settings).items() if home})


def commit_statuses(settings: Settings, http: Http, kept: Vault) -> CommitStatuses:
    """Tokens that are `kept` come before those of the settings."""
    tokens = _clone_tokens(settings) | {"github": settings.github_status_token}
    vault = LayeredVault(kept, ForgeTokens({forge.token_name: tokens[forge.name] for forge in FORGES}))
    bases = {
        "github": settings.github_api,
        "gitlab": settings.gitlab_api,
        "bitbucket": settings.bitbucket_api,
        "gitea": settings.gitea_api,
        "forgejo": settings.forgejo_api,
    }
    given = {name: base for name, base in bases.items() if base}
    return ForgeCommitStatuses(http, vault, FORGES, given, _homes(settings))


def _homes(settings: Settings) -> Mapping[str, str]:
    return {
        "github": settings.github_url,
        "gitlab": settings.gitlab_url,
        "bitbucket": settings.bitbucket_url,
        "gitea": settings.gitea_url or "",
        "forgejo": settings.forgejo_url,
    }


def _clone_tokens(settings: Settings) -> dict[str, str | None]:
    return {
        "github": settings.github_token,
        "gitlab": settings.gitlab_token,
        "bitbucket": settings.bitbucket_token,
        "gitea": settings.gitea_token,
        "forgejo": settings.forgejo_token,
    }
