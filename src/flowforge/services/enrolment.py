"""How a machine becomes a runner: a one-time token from an admin against a key of its own."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flowforge.errors import BadInput, Forbidden, Unauthenticated
from flowforge.model.credential import Credential, CredentialKind, Role
from flowforge.model.link_call import Offer
from flowforge.model.project import DEFAULT_ORGANISATION
from flowforge.model.runner import Runner
from flowforge.ports import Clock, Store, Tx
from flowforge.services.claiming import known_runner
from flowforge.services.runners import PREFIX, digest, is_own

REGISTRATION_PREFIX = "ffg_"
REGISTRATION_LIVES = timedelta(hours=1)
LONGEST_WORD = 100
MOST_SLOTS = 1000


@dataclass(frozen=True, slots=True)
class Enrolment:
    store: Store
    clock: Clock

    async def token(self, runner_id: int) -> str:
        """A one-time secret, good for an hour, that makes one machine this runner; one made before ends."""
        token, now = REGISTRATION_PREFIX + secrets.token_urlsafe(32), self.clock.now()
        await self.store.write(lambda tx: add_token(tx, runner_id, token, now))
        return token

    async def redeem(self, token: str, offer: Offer) -> tuple[str, Runner]:
        """The runner's key, shown to nobody again, and what it is bound to. Works once; whoever had the runner's key
        before loses it. Raises `Forbidden` for a token that was used, has expired or was made for something else."""
        key, now = PREFIX + secrets.token_urlsafe(32), self.clock.now()
        if not token.startswith(REGISTRATION_PREFIX):
            raise Unauthenticated("this is no registration token: `flowforge configure add-runner` makes one")
        runner = await self.store.write(lambda tx: redeem(tx, token, key, offer, now), urgent=True)
        if runner is None:
            raise Forbidden(
                "this registration token was used already or has expired: "
                "make a new one with `flowforge configure add-runner`"
            )
        return key, runner

    async def hello(self, runner_id: int, offer: Offer) -> Runner:
        """A runner begins its life and says what it has."""
        now = self.clock.now()
        return await self.store.write(lambda tx: greet(tx, runner_id, offer, now))


def add_token(tx: Tx, runner_id: int, token: str, now: datetime) -> None:
    runner = known_runner(tx, runner_id)
    if is_own(runner):
        raise BadInput("the server's own runner is registered by the server itself", field="host")
    tx.credentials.prune(now)
    tx.credentials.remove_kind(CredentialKind.REGISTRATION, str(runner_id))
    tx.credentials.add(
        Credential(
            hash=digest(token),
            kind=CredentialKind.REGISTRATION,
            organisation_id=runner.organisation_id or DEFAULT_ORGANISATION,
            role=Role.VIEWER,
            name=f"registration of {runner.name}",
            target=str(runner_id),
            created_at=now,
            expires_at=now + REGISTRATION_LIVES,
        )
    )


def redeem(tx: Tx, token: str, key: str, offer: Offer, now: datetime) -> Runner | None:
    known = tx.credentials.find(digest(token), CredentialKind.REGISTRATION)
    if known is None or not tx.credentials.remove(known.hash):
        return None
    runner = tx.runners.get(int(known.target))
    if runner is None or known.expires_at is None or known.expires_at <= now:
        return None
    tx.runners.save(replace(runner, key_hash=digest(key)))
    return greet(tx, runner.id, offer, now)


def greet(tx: Tx, runner_id: int, offer: Offer, now: datetime) -> Runner:
    runner = known_runner(tx, runner_id)
    wanted = max(1, min(offer.slots, MOST_SLOTS))
    greeted = replace(
        runner,
        slots=min(wanted, runner.most_slots) if runner.most_slots else wanted,
        executor=offer.executor[:LONGEST_WORD],
        version=offer.version[:LONGEST_WORD],
        seen_at=now,
    )
    tx.runners.save(greeted)
    return greeted
