"""Runners, credentials and what commits are still to be told."""

from collections.abc import Collection, Sequence
from datetime import datetime

from flowforge.model.commit_status import StatusDebt
from flowforge.model.credential import Credential, CredentialKind
from flowforge.model.runner import Runner
from flowforge.testing.store.tables import Tables, expect_owner


class MemoryRunners:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, id: int) -> Runner | None:
        return self._tables.runners.get(id)

    def with_key(self, key_hash: str) -> Runner | None:
        return next((r for r in self._tables.runners if r.key_hash == key_hash), None)

    def save(self, runner: Runner) -> None:
        self._tables.runners.put(runner.id, runner)

    def all(self) -> Sequence[Runner]:
        return sorted(self._tables.runners, key=lambda r: r.id)

    def remove(self, id: int) -> None:
        self._tables.runners.remove(id)


class MemoryCredentials:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, credential: Credential) -> None:
        self._tables.credentials.add(credential.hash, credential)

    def find(self, hash: str, kind: CredentialKind) -> Credential | None:
        credential = self._tables.credentials.get(hash)
        return credential if credential is not None and credential.kind is kind else None

    def remove(self, hash: str) -> bool:
        return self._tables.credentials.remove(hash)

    def remove_kind(self, kind: CredentialKind, target: str) -> None:
        wanted = (kind, target)
        for known in [c.hash for c in self._tables.credentials if (c.kind, c.target) == wanted]:
            self._tables.credentials.remove(known)

    def prune(self, now: datetime) -> int:
        rows = self._tables.credentials
        old = [c.hash for c in rows if c.expires_at is not None and c.expires_at < now]
        return sum(rows.remove(key) for key in old)


class MemoryDebts:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, run_id: int) -> StatusDebt | None:
        return self._tables.debts.get(run_id)

    def save(self, debt: StatusDebt) -> None:
        expect_owner(debt.run_id in self._tables.runs, "run", debt.run_id)
        self._tables.debts.put(debt.run_id, debt)

    def due(self, now: datetime, limit: int, place: str) -> Sequence[StatusDebt]:
        rows = [d for d in self._owed() if d.next_try_at <= now and d.status.place == place]
        return sorted(rows, key=lambda d: (d.next_try_at, d.run_id))[:limit]

    def places(self, now: datetime) -> Sequence[str]:
        return sorted({d.status.place for d in self._owed() if d.next_try_at <= now})

    def claimed(self, by: str) -> Sequence[StatusDebt]:
        return [debt for debt in self._owed() if debt.claimed_by == by]

    def rival(self, debt: StatusDebt, now: datetime) -> StatusDebt | None:
        others = [d for d in self._tables.debts if d.status.subject == debt.status.subject]
        newer = [d for d in others if d.run_id > debt.run_id and (d.delivered or d.given_up_at is None)]
        older = [d for d in others if d.run_id < debt.run_id and d.claimed_until and d.claimed_until > now]
        return max(newer or older, key=lambda d: d.run_id, default=None)

    def next_try(self, beside: Collection[str] = ()) -> datetime | None:
        return min((d.next_try_at for d in self._owed() if d.status.place not in beside), default=None)

    def _owed(self) -> list[StatusDebt]:
        return [d for d in self._tables.debts if d.delivered < d.version and d.given_up_at is None]
