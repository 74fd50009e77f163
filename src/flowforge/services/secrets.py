"""Secrets: set, listed, removed, and their master key rotated. A value goes in here and never comes out again."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto

import structlog

from flowforge.errors import Conflict, NotFound, StoreUnavailable, Upstream
from flowforge.model.event import EventKind, NewEvent
from flowforge.model.secret import MasterKey, Seal, Secret
from flowforge.ports import Bell, Clock, Sealer, Store, Tx
from flowforge.services.progress import EVENTS
from flowforge.services.secret_wishes import SecretWish, check_wish, following, wish_again

log = structlog.get_logger()

RESEALED_AT_ONCE = 50
"""Secrets whose seals are renewed in one write."""
_TRIES = 5


class Existing(Enum):
    """What becomes of a secret that stands where a new one shall."""

    REPLACED = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The newest master key's version, and how many secrets were sealed anew."""

    version: int
    resealed: int


@dataclass(frozen=True, slots=True)
class Secrets:
    """`changed` is called after every change, by whoever remembers values."""

    store: Store
    sealer: Sealer
    bell: Bell
    clock: Clock
    changed: Callable[[], None] = lambda: None
    _rotating: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def page(
        self, organisation_id: int, limit: int, after: int | None = None, project_id: int | None = None
    ) -> Sequence[Secret]:
        """The newest first; of one project, or of all and the organisation."""
        return await self.store.read(
            lambda tx: tx.secrets.newest(organisation_id, limit, after=after, project_id=project_id)
        )

    async def get(self, organisation_id: int, id: int) -> Secret:
        return await self.store.read(lambda tx: _known(tx, organisation_id, id))

    async def project_names(self, secrets: Sequence[Secret]) -> Mapping[int, str]:
        """Of the projects that the secrets belong to, by id."""
        ids = {secret.project_id for secret in secrets if secret.project_id is not None}
        return await self.store.read(
            lambda tx: {key: project.name for key in ids if (project := tx.projects.get(key))}
        )

    async def put(self, wish: SecretWish, existing: Existing, actor: str) -> Secret:
        """A secret where the wish says. Raises `Conflict` where there is one that shall not be replaced."""
        check_wish(wish)
        for _ in range(_TRIES):
            now = self.clock.now()
            draft = await self.store.read(lambda tx: _draft(tx, wish, existing, actor, now))  # noqa: B023
            seal = await self.sealer.seal(draft, wish.value)
            kept = await self.store.write(lambda tx: _keep(tx, draft, seal, now))  # noqa: B023
            if kept is not None:
                self.changed()
                self.bell.ring(EVENTS)
                return kept
        raise StoreUnavailable(f"the secret {wish.name} was changed by others at the same time: try again")

    async def change(self, secret: Secret, value: str, actor: str) -> Secret:
        """Another value for a secret that exists."""
        return await self.put(wish_again(secret, value), Existing.REPLACED, actor)

    async def remove(self, secret: Secret, actor: str) -> None:
        now = self.clock.now()
        await self.store.write(lambda tx: _remove(tx, secret, actor, now))
        self.changed()
        self.bell.ring(EVENTS)

    async def rotate_key(self, actor: str) -> Rotation:
        """Make a new master key, seal every secret's data key anew, throw the old master keys away. Each is kept as
        long as a secret needs it, so this may stop at any moment: the next call, or the server's next start, goes on."""
        async with self._rotating:
            if not await self._unfinished():
                await self.sealer.renew()
            return await self._rotate(actor)

    async def resume_rotation(self) -> None:
        """Finish a rotation that was cut short; without one, nothing. What keeps it from ending is logged."""
        async with self._rotating:
            try:
                if await self._unfinished():
                    await self._rotate("the server's start")
            except Upstream as error:
                log.warning("the rotation of the master key is not finished", error=error.message)

    async def _unfinished(self) -> bool:
        newest, *older = await self.sealer.fingerprints()
        known = {key.fingerprint: key for key in await self.store.read(lambda tx: tx.master_keys.all())}
        retired = {fingerprint for fingerprint, key in known.items() if key.retired_at is not None}
        if newest in retired or not set(older) <= retired:
            return True
        await self.sealer.forget(older)
        return False

    async def _rotate(self, actor: str) -> Rotation:
        ring = await self.sealer.fingerprints()
        newest, now, resealed = ring[0], self.clock.now(), 0
        await self.store.write(lambda tx: _register(tx, ring, now, actor))
        while True:
            behind = await self.store.read(lambda tx: tx.secrets.behind(newest, RESEALED_AT_ONCE))
            resealed += await self._reseal(behind)
            if behind:
                continue
            count = resealed
            rotation = await self.store.write(lambda tx: _retire(tx, newest, count, now, actor))  # noqa: B023
            if rotation is not None:
                await self.sealer.forget(ring[1:])
                self.bell.ring(EVENTS)
                return rotation

    async def _reseal(self, secrets: Sequence[Secret]) -> int:
        seals = await self.store.read(lambda tx: tx.secrets.seals([secret.id for secret in secrets]))
        pairs = [
            (secret, await self.sealer.rewrap(secret, seals[secret.id]))
            for secret in secrets
            if secret.id in seals
        ]
        return await self.store.write(lambda tx: sum(_rewrapped(tx, secret, seal) for secret, seal in pairs))


def _known(tx: Tx, organisation_id: int, id: int) -> Secret:
    secret = tx.secrets.get(id)
    if secret is None or secret.organisation_id != organisation_id:
        raise NotFound("secret", id)
    return secret


def _in_place(tx: Tx, draft: Secret) -> Secret | None:
    groups = (draft.group,) if draft.group else ()
    near = tx.secrets.like(draft.organisation_id, draft.kind, (draft.name,), groups)
    return next((secret for secret in near if secret.place == draft.place), None)


def _draft(tx: Tx, wish: SecretWish, existing: Existing, actor: str, now: datetime) -> Secret:
    draft = wish.draft(now, actor)
    known = _in_place(tx, draft)
    if known is None:
        return draft
    if existing is Existing.REFUSED:
        raise Conflict(f"the secret {wish.name} exists there already, with the id {known.id}")
    return following(draft, known)


def _keep(tx: Tx, draft: Secret, seal: Seal, now: datetime) -> Secret | None:
    """None where somebody else was there first, or the master key was retired since the value was sealed."""
    known = _in_place(tx, draft)
    if (known.id, known.version + 1) != (draft.id, draft.version) if known else draft.id != 0:
        return None
    key = tx.master_keys.get(seal.key)
    if key is None:
        _register(tx, (seal.key,), now, draft.updated_by)
    elif key.retired_at is not None:
        return None
    kept = draft if known else replace(draft, id=tx.take_ids("secrets")[0])
    tx.secrets.save(kept, seal)
    tx.events.append([_event(EventKind.SECRET_SET, kept, draft.updated_by, now)])
    return kept


def _remove(tx: Tx, secret: Secret, actor: str, now: datetime) -> None:
    if not tx.secrets.remove(secret.id):
        raise NotFound("secret", secret.id)
    tx.events.append([_event(EventKind.SECRET_REMOVED, secret, actor, now)])


def _event(kind: EventKind, secret: Secret, actor: str, now: datetime) -> NewEvent:
    detail = {
        "secret": secret.id,
        "kind": secret.kind,
        "name": secret.name,
        "project": secret.project_id,
        "environment": secret.environment,
        "branch": secret.branch,
        "group": secret.group,
        "version": secret.version,
        "actor": actor,
    }
    return NewEvent(kind=kind, at=now, organisation_id=secret.organisation_id, detail=detail)


def _register(tx: Tx, ring: Sequence[str], now: datetime, actor: str) -> None:
    """Every key of a ring gets a version. Its newest seals, even where it was retired once and is given again."""
    for fingerprint in reversed(ring):
        if tx.master_keys.get(fingerprint) is None:
            version = max((key.version for key in tx.master_keys.all()), default=0) + 1
            key = MasterKey(fingerprint=fingerprint, version=version, created_at=now, created_by=actor)
            tx.master_keys.save(key)
    newest = tx.master_keys.get(ring[0])
    if newest and newest.retired_at:
        tx.master_keys.save(replace(newest, retired_at=None))


def _rewrapped(tx: Tx, secret: Secret, seal: Seal) -> bool:
    """False where the secret was changed or removed meanwhile."""
    if tx.secrets.get(secret.id) != secret:
        return False
    tx.secrets.save(secret, seal)
    return True


def _retire(tx: Tx, newest: str, resealed: int, now: datetime, actor: str) -> Rotation | None:
    """None where a secret still needs another key."""
    if tx.secrets.behind(newest, 1):
        return None
    keys = {key.fingerprint: key for key in tx.master_keys.all()}
    for key in keys.values():
        if key.fingerprint != newest and key.retired_at is None:
            tx.master_keys.save(replace(key, retired_at=now))
    rotation = Rotation(version=keys[newest].version, resealed=resealed)
    detail = {"version": rotation.version, "resealed": resealed, "actor": actor}
    tx.events.append([NewEvent(kind=EventKind.MASTER_KEY_ROTATED, at=now, detail=detail)])
    return rotation
