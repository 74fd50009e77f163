import asyncio
from dataclasses import replace

import pytest

from flowforge.errors import Conflict
from flowforge.model.commit_status import CommitState, StatusDebt
from flowforge.model.credential import Credential, CredentialKind, Role
from flowforge.model.runner import Trust
from flowforge.ports import Store
from flowforge.testing.clock import EPOCH
from tests.contract.store.things import add_runs, debt, later, run, runner

LINK = Credential(
    hash="h1",
    kind=CredentialKind.LINK,
    organisation_id=1,
    role=Role.VIEWER,
    name="a link",
    target="/runs/1",
    created_at=EPOCH,
    expires_at=later(60),
)


async def test_a_runner_is_saved_listed_and_removed(store: Store) -> None:
    given = runner(
        2,
        labels=("linux", "big"),
        slots=4,
        executor="docker",
        seen_at=later(1),
        asked_at=later(1),
        key_hash="k",
        projects=(3, 4),
        trust=Trust.TRUSTED_ONLY,
        most_slots=7,
        draining=True,
        version="1.2",
        instance="here",
    )
    await store.write(lambda tx: tx.runners.save(runner(2)))
    await store.write(lambda tx: tx.runners.save(given))
    await store.write(lambda tx: tx.runners.save(runner(1)))
    assert await store.read(lambda tx: tx.runners.all()) == [runner(1), given]
    await store.write(lambda tx: tx.runners.remove(1))
    await store.write(lambda tx: tx.runners.remove(1))
    assert await store.read(lambda tx: tx.runners.get(1)) is None
    assert await store.read(lambda tx: tx.runners.get(2)) == given
    assert await store.read(lambda tx: tx.runners.with_key("k")) == given
    assert await store.read(lambda tx: tx.runners.with_key("j")) is None


async def test_a_credential_is_found_by_digest_and_kind(store: Store) -> None:
    await store.write(lambda tx: tx.credentials.add(LINK))
    assert await store.read(lambda tx: tx.credentials.find("h1", CredentialKind.LINK)) == LINK
    assert await store.read(lambda tx: tx.credentials.find("h1", CredentialKind.SESSION)) is None
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.credentials.add(LINK))


async def test_one_caller_alone_removes_a_credential(store: Store) -> None:
    await store.write(lambda tx: tx.credentials.add(LINK))
    calls = [store.write(lambda tx: tx.credentials.remove("h1")) for _ in range(8)]
    assert sorted(await asyncio.gather(*calls)) == [False] * 7 + [True]


async def test_all_credentials_of_a_kind_go_together(store: Store) -> None:
    rows = [LINK, replace(LINK, hash="h2"), replace(LINK, hash="h3", kind=CredentialKind.SESSION)]
    for row in rows:
        await store.write(lambda tx, row=row: tx.credentials.add(row))
    await store.write(lambda tx: tx.credentials.remove_kind(CredentialKind.LINK, LINK.target))
    assert await store.read(lambda tx: tx.credentials.find("h2", CredentialKind.LINK)) is None
    assert await store.read(lambda tx: tx.credentials.find("h3", CredentialKind.SESSION)) == rows[2]


async def test_pruning_removes_what_has_expired(store: Store) -> None:
    rows = [LINK, replace(LINK, hash="h2", expires_at=later(61)), replace(LINK, hash="h3", expires_at=None)]
    for row in rows:
        await store.write(lambda tx, row=row: tx.credentials.add(row))
    assert await store.write(lambda tx: tx.credentials.prune(later(61))) == 1
    assert await store.read(lambda tx: tx.credentials.find("h1", CredentialKind.LINK)) is None
    assert await store.read(lambda tx: tx.credentials.find("h2", CredentialKind.LINK)) == rows[1]


PLACE = debt().status.place


async def test_debts_are_due_longest_waiting_first(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, *(run(n) for n in range(1, 7))))
    rows = [
        debt(1, next_try_at=later(5)),
        debt(2, next_try_at=later(1), tries=3, last_error="no"),
        debt(3, next_try_at=later(0), delivered=1),
        debt(4, next_try_at=later(9)),
        debt(5, next_try_at=later(1), version=3, delivered=2, wanted_at=later(0), claimed_until=later(1)),
        debt(6, next_try_at=later(0), given_up_at=later(0)),
    ]
    for row in rows:
        await store.write(lambda tx, row=row: tx.debts.save(row))
    assert [d.run_id for d in await store.read(lambda tx: tx.debts.due(later(5), 9, PLACE))] == [2, 5, 1]
    assert await store.read(lambda tx: tx.debts.due(later(5), 1, PLACE)) == [rows[1]]
    assert await store.read(lambda tx: tx.debts.next_try()) == later(1)


async def test_claimed_debts_are_found_by_who_took_them(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, *(run(n) for n in range(1, 5))))
    rows = [
        debt(1, claimed_by="one"),
        debt(2, claimed_by="other"),
        debt(3),
        debt(4, claimed_by="one", version=2, delivered=2),
    ]
    for row in rows:
        await store.write(lambda tx, row=row: tx.debts.save(row))
    assert await store.read(lambda tx: tx.debts.claimed("one")) == [rows[0]]


async def test_debts_are_due_by_the_place_they_are_shown_at(store: Store) -> None:
    elsewhere = replace(debt().status, forge="gitlab", origin="https://gitlab.example")
    await store.write(lambda tx: add_runs(tx, *(run(n) for n in range(1, 4))))
    rows = [
        debt(1, next_try_at=later(1)),
        debt(2, next_try_at=later(2), status=elsewhere),
        debt(3, next_try_at=later(9), status=elsewhere),
    ]
    for row in rows:
        await store.write(lambda tx, row=row: tx.debts.save(row))
    assert await store.read(lambda tx: tx.debts.places(later(1))) == [PLACE]
    assert await store.read(lambda tx: tx.debts.places(later(5))) == sorted([PLACE, elsewhere.place])
    assert await store.read(lambda tx: tx.debts.due(later(5), 9, elsewhere.place)) == [rows[1]]
    assert await store.read(lambda tx: tx.debts.next_try({PLACE})) == later(2)
    assert await store.read(lambda tx: tx.debts.next_try({PLACE, elsewhere.place})) is None


async def test_a_rival_is_a_newer_run_of_the_same_subject_or_an_older_one_under_way(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, *(run(n) for n in range(1, 10))))
    shown = debt().status
    rows = [
        debt(1, claimed_until=later(9)),
        debt(2, claimed_until=later(3)),
        debt(3, delivered=1),
        debt(4, version=2, delivered=1, given_up_at=later(0)),
        debt(5, given_up_at=later(0)),
        debt(6, status=replace(shown, commit="other"), claimed_until=later(9)),
        debt(7, status=replace(shown, context="other"), claimed_until=later(9)),
        debt(8, status=replace(shown, repository="other"), claimed_until=later(9)),
        debt(9, status=replace(shown, state=CommitState.FAILURE, description="no", target_url="")),
    ]
    for row in rows[:-1]:
        await store.write(lambda tx, row=row: tx.debts.save(row))

    async def rival(of: StatusDebt) -> int:
        found = await store.read(lambda tx: tx.debts.rival(of, later(5)))
        return found.run_id if found else 0

    assert [await rival(row) for row in rows] == [4, 4, 4, 1, 1, 0, 0, 0, 1]
    await store.write(lambda tx: tx.debts.save(rows[-1]))
    assert [await rival(row) for row in rows[:5]] == [9, 9, 9, 9, 9]
    renamed = replace(shown, native_id="42")
    assert replace(renamed, repository="new/name").subject == renamed.subject != shown.subject


async def test_a_debt_is_replaced_and_paid(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, run()))
    assert await store.read(lambda tx: tx.debts.next_try()) is None
    await store.write(lambda tx: tx.debts.save(debt()))
    paid = debt(version=2, delivered=2)
    await store.write(lambda tx: tx.debts.save(paid))
    assert await store.read(lambda tx: tx.debts.get(1)) == paid
    assert await store.read(lambda tx: tx.debts.get(2)) is None
    assert await store.read(lambda tx: tx.debts.next_try()) is None
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.debts.save(debt(9)))
