"""Which token clones a repository: its project's own, else the organisation's, else the one of the settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from flowforge.forges.registry import forge_named
from flowforge.model.project import Project
from flowforge.model.secret import SecretScope
from flowforge.ports import Store, Tx, Vault


@dataclass(frozen=True, slots=True)
class CloneTokens:
    """`forges` are the names of forges by their origin. A token goes to such an origin and to no other address, whatever
    a delivery said."""

    store: Store
    vault: Vault
    forges: Mapping[str, str]

    async def of(self, url: str, origin: str) -> str | None:
        """`user:token`, with the user's name that the forge wants beside a token."""
        forge = forge_named(self.forges.get(origin, ""))
        if forge is None:
            return None
        project = await self.store.read(lambda tx: _project(tx, url, origin))
        scope = (
            SecretScope(organisation_id=project.organisation_id, project_id=project.id)
            if project
            else SecretScope()
        )
        token = (await self.vault.values(scope, [forge.token_name])).get(forge.token_name)
        return token if not token or ":" in token else f"{forge.clone_user}:{token}"


def _project(tx: Tx, url: str, origin: str) -> Project | None:
    return next((project for project in tx.projects.cloned_from(url) if project.origin == origin), None)
