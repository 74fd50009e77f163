"""The webhook secrets of projects that have one of their own, kept in memory for as long as a change of one may take."""

from collections import OrderedDict
from dataclasses import dataclass, field

from flowforge.model.secret import WEBHOOK_SECRET, SecretScope
from flowforge.ports import Clock, Store, Vault

FRESH = 3.0
"""Seconds after which a secret that was changed at another server counts here."""
MOST = 10_000
"""Projects remembered; whoever sends unsigned deliveries may name any."""


class ServerWide:
    """No project has a secret of its own."""

    async def of(self, origin: str, native_id: str) -> bytes | None:  # noqa: ARG002
        return None


@dataclass(slots=True)
class ProjectHookSecrets:
    """The port `HookSecrets` on a vault. A repository that was never seen has none."""

    store: Store
    vault: Vault
    clock: Clock
    _known: OrderedDict[tuple[str, str], tuple[float, bytes | None]] = field(default_factory=OrderedDict)

    async def of(self, origin: str, native_id: str) -> bytes | None:
        key, now, remembered = (origin, native_id), self.clock.monotonic(), self._known
        known = remembered.get(key)
        if known is not None and now - known[0] < FRESH:
            return known[1]
        secret = await self._look_up(origin, native_id)
        # Forgotten meanwhile, this is not the dictionary any more that others look into.
        remembered[key] = now, secret
        remembered.move_to_end(key)
        if len(remembered) > MOST:
            remembered.popitem(last=False)
        return secret

    def forget(self) -> None:
        """For whoever changed a secret here: it counts from now on."""
        self._known = OrderedDict()

    async def _look_up(self, origin: str, native_id: str) -> bytes | None:
        project = await self.store.read(lambda tx: tx.projects.find(origin, native_id))
        if project is None:
            return None
        scope = SecretScope(organisation_id=project.organisation_id, project_id=project.id)
        value = (await self.vault.values(scope, [WEBHOOK_SECRET])).get(WEBHOOK_SECRET)
        return value.encode() if value else None
