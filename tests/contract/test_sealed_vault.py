"""The sealed vault over its real envelope and key ring: what goes in comes out, to whom it may, and for nobody else."""

import base64
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from flowforge.adapters.vault import envelope
from flowforge.adapters.vault.environment import EnvironmentVault
from flowforge.adapters.vault.key_ring import KeyRing, parse_key
from flowforge.adapters.vault.layered import LayeredVault
from flowforge.adapters.vault.sealed import SealedVault
from flowforge.adapters.vault.sealer import RingSealer
from flowforge.errors import Conflict, NotConfigured, SealBroken
from flowforge.model.secret import Seal, Secret, SecretKind, SecretScope
from flowforge.services.secret_wishes import SecretWish
from flowforge.services.secrets import Existing, Secrets
from flowforge.testing.bell import MemoryBell
from flowforge.testing.clock import EPOCH, ManualClock
from flowforge.testing.store import MemoryStore
from tests.contract.store.things import project

SECRET = Secret(id=1, organisation_id=1, project_id=None, name="KEY", created_at=EPOCH, updated_at=EPOCH)


class Safe:
    def __init__(self, folder: Path, given: str = "") -> None:
        self.store, self.ring = MemoryStore(), KeyRing(folder / "master.keys", given)
        self.ring.prepare()
        self.sealer = RingSealer(self.ring)
        self.secrets = Secrets(self.store, self.sealer, MemoryBell(), ManualClock())

    async def put(self, name: str, value: str, **place: object) -> Secret:
        base = SecretWish(organisation_id=1, project_id=None, kind=SecretKind.JOB, name=name, value=value)
        return await self.secrets.put(replace(base, **place), Existing.REPLACED, "ann")  # type: ignore[arg-type]

    async def values(self, *names: str, **scope: object) -> Mapping[str, str]:
        vault = SealedVault(self.store, self.sealer)
        return await vault.values(SecretScope(**scope), names)  # type: ignore[arg-type]


@pytest.fixture
def safe(tmp_path: Path) -> Safe:
    return Safe(tmp_path)


def fresh_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


async def test_a_value_comes_back_to_a_job_that_names_it(safe: Safe) -> None:
    text = "-----BEGIN-----\nüñí\n-----END-----\n"
    await safe.put("KEY", text)
    await safe.put("OTHER", "another")
    assert await safe.values("KEY", "UNKNOWN") == {"KEY": text}


async def test_a_stranger_s_code_gets_nothing_whatever_it_declares(safe: Safe) -> None:
    await safe.put("KEY", "value")
    await safe.put("KEY", "value", group="g")
    assert await safe.values("KEY", groups=("g",), trusted=False) == {}


async def test_the_narrowest_secret_wins(safe: Safe) -> None:
    for number in (1, 2):
        await safe.store.write(lambda tx, number=number: tx.projects.save(project(number)))
    await safe.put("KEY", "organisation")
    await safe.put("KEY", "organisation live", environment="live")
    await safe.put("KEY", "project", project_id=1)
    await safe.put("KEY", "project release", project_id=1, branch="release/*")
    await safe.put("KEY", "project live", project_id=1, environment="live")
    await safe.put("KEY", "group", group="g")
    asked: list[tuple[str, dict[str, object]]] = [
        ("organisation", {}),
        ("organisation", {"project_id": 2, "branch": "release/1"}),
        ("organisation live", {"project_id": 2, "environment": "live"}),
        ("project", {"project_id": 1, "branch": "release/1/2"}),
        ("project release", {"project_id": 1, "branch": "release/1"}),
        ("project live", {"project_id": 1, "branch": "release/1", "environment": "live"}),
        ("group", {"project_id": 1, "groups": ("other", "g")}),
    ]
    for wanted, scope in asked:
        assert await safe.values("KEY", **scope) == {"KEY": wanted}, scope


async def test_a_group_gives_all_it_has(safe: Safe) -> None:
    await safe.put("USER", "someone", group="registry")
    await safe.put("PASSWORD", "s3cr3t!", group="registry")
    await safe.put("OTHER", "other", group="else")
    assert await safe.values(groups=("registry",)) == {"USER": "someone", "PASSWORD": "s3cr3t!"}
    assert await safe.values("USER") == {}, "a job that does not declare the group gets none of it"


async def test_a_kind_does_not_stand_in_for_another(safe: Safe) -> None:
    await safe.put("TOKEN", "for the server", kind=SecretKind.FORGE_TOKEN)
    await safe.put("JOBS", "for jobs")
    tokens = SealedVault(safe.store, safe.sealer, SecretKind.FORGE_TOKEN)
    assert await safe.values("TOKEN", "JOBS") == {"JOBS": "for jobs"}
    assert await tokens.values(SecretScope(), ["TOKEN", "JOBS"]) == {"TOKEN": "for the server"}
    hooks = SealedVault(safe.store, safe.sealer, SecretKind.WEBHOOK)
    assert await hooks.values(SecretScope(), ["TOKEN", "JOBS"]) == {}


async def test_the_environment_overrides_what_is_stored(safe: Safe) -> None:
    await safe.put("KEY", "stored")
    await safe.put("OTHER", "stored")
    await safe.put("GROUPED", "stored", group="g")
    environment = EnvironmentVault({"FLOWFORGE_SECRET_KEY": "given", "FLOWFORGE_SECRET_GROUPED": "given"})
    vault = LayeredVault(environment, SealedVault(safe.store, safe.sealer))
    scope = SecretScope(groups=("g",))
    assert await vault.values(scope, ["KEY", "OTHER"]) == {
        "KEY": "given",
        "OTHER": "stored",
        "GROUPED": "given",
    }
    assert await vault.values(SecretScope(), ["KEY"]) == {"KEY": "given"}
    assert await vault.values(replace(scope, trusted=False), ["KEY", "OTHER"]) == {}


async def test_rows_cannot_be_swapped(safe: Safe) -> None:
    mine = await safe.put("MINE", "the value of mine")
    theirs = await safe.put("THEIRS", "the value of theirs", branch="main")
    seals = await safe.store.read(lambda tx: tx.secrets.seals([mine.id, theirs.id]))
    await safe.store.write(lambda tx: tx.secrets.save(mine, seals[theirs.id]))
    with pytest.raises(SealBroken, match="MINE"):
        await safe.values("MINE")


MOVES = [
    {"name": "OTHER"},
    {"organisation_id": 2},
    {"project_id": 1},
    {"kind": SecretKind.WEBHOOK},
    {"environment": "live"},
    {"branch": "main"},
    {"group": "g"},
    {"version": 2},
    {"masked": False},
]


@pytest.mark.parametrize("move", MOVES, ids=lambda move: next(iter(move)))
def test_a_seal_is_bound_to_all_that_says_who_may_have_it(move: dict[str, object]) -> None:
    key = parse_key(fresh_key())
    seal = envelope.seal(SECRET, "value", key)
    assert envelope.unseal(SECRET, seal, key) == "value"
    moved = replace(SECRET, **move)  # type: ignore[arg-type]
    for opening in (
        lambda: envelope.unseal(moved, seal, key),
        lambda: envelope.rewrap(moved, seal, key, parse_key(fresh_key())),
    ):
        with pytest.raises(SealBroken):
            opening()


def test_every_changed_byte_is_noticed() -> None:
    key = parse_key(fresh_key())
    seal = envelope.seal(SECRET, "value", key)

    def flipped(data: bytes, at: int) -> bytes:
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    broken = [replace(seal, box=flipped(seal.box, at)) for at in range(len(seal.box))]
    broken += [replace(seal, wrapped=flipped(seal.wrapped, at)) for at in range(len(seal.wrapped))]
    broken += [replace(seal, box=seal.box[:5]), replace(seal, box=b""), replace(seal, wrapped=b"")]
    for each in broken:
        with pytest.raises(SealBroken):
            envelope.unseal(SECRET, each, key)


def test_two_seals_of_one_value_share_nothing_and_show_nothing() -> None:
    key = parse_key(fresh_key())
    one, two = (envelope.seal(SECRET, "value", key) for _ in range(2))
    assert one.box != two.box
    assert one.wrapped != two.wrapped
    assert b"value" not in one.box
    assert "box" not in repr(one)
    assert "raw" not in repr(key)


async def test_the_key_file_is_private_and_made_once(tmp_path: Path) -> None:
    first = Safe(tmp_path)
    path = tmp_path / "master.keys"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    assert Safe(tmp_path).ring.all() == first.ring.all()
    assert path.read_bytes() == before


async def test_rotation_with_the_real_keys(safe: Safe, tmp_path: Path) -> None:
    await safe.put("KEY", "value")
    (old,) = safe.ring.all()
    rotation = await safe.secrets.rotate_key("ann")
    (new,) = safe.ring.all()
    assert (rotation.version, rotation.resealed) == (2, 1)
    assert new != old
    assert (tmp_path / "master.keys").read_text().count("\n") == 1
    assert await safe.values("KEY") == {"KEY": "value"}


async def test_a_seal_that_was_read_before_its_key_was_thrown_away_is_read_again(safe: Safe) -> None:
    secret = await safe.put("KEY", "value")

    class Late(RingSealer):
        rotated = False

        async def open(self, secret: Secret, seal: Seal) -> str:
            if not self.rotated:
                self.rotated = True
                await safe.secrets.rotate_key("ann")
            return await super().open(secret, seal)

    vault = SealedVault(safe.store, Late(safe.ring))
    assert await vault.values(SecretScope(), [secret.name]) == {"KEY": "value"}


async def test_without_its_master_key_a_secret_says_so(tmp_path: Path) -> None:
    safe = Safe(tmp_path)
    await safe.put("KEY", "value")
    (tmp_path / "master.keys").unlink()
    safe.ring.prepare()
    with pytest.raises(NotConfigured, match="KEY is sealed with the master key"):
        await safe.values("KEY")


async def test_a_key_that_is_given_takes_over_from_the_file_s(tmp_path: Path) -> None:
    safe = Safe(tmp_path)
    await safe.put("KEY", "value")
    given = fresh_key()
    ring = KeyRing(tmp_path / "master.keys", given)
    later = Secrets(safe.store, RingSealer(ring), MemoryBell(), ManualClock())
    await later.resume_rotation()
    assert [key.fingerprint for key in ring.all()] == [parse_key(given).fingerprint]
    vault = SealedVault(safe.store, RingSealer(KeyRing(tmp_path / "nowhere", given)))
    assert await vault.values(SecretScope(), ["KEY"]) == {"KEY": "value"}
    with pytest.raises(Conflict, match="FLOWFORGE_MASTER_KEY"):
        await later.rotate_key("ann")


async def test_a_new_key_before_the_given_one_rotates(tmp_path: Path) -> None:
    old, new = fresh_key(), fresh_key()
    safe = Safe(tmp_path, old)
    assert not (tmp_path / "master.keys").exists()
    await safe.put("KEY", "value")
    sealer = RingSealer(KeyRing(tmp_path / "master.keys", f"{new}, {old}"))
    await Secrets(safe.store, sealer, MemoryBell(), ManualClock()).rotate_key("ann")
    alone = RingSealer(KeyRing(tmp_path / "master.keys", new))
    assert await SealedVault(safe.store, alone).values(SecretScope(), ["KEY"]) == {"KEY": "value"}


@pytest.mark.parametrize("text", ["", "short", "!" * 44, "A" * 44 + "\n" + "B" * 10, "A" * 64])
def test_what_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="32 random bytes") as caught:
        parse_key(text)
    assert not text or text not in str(caught.value)


def test_a_damaged_key_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "master.keys"
    path.write_text("what is this\n")
    with pytest.raises(NotConfigured, match="no file of master keys"):
        KeyRing(path).prepare()
    path.unlink()
    path.mkdir()
    with pytest.raises(NotConfigured, match="cannot read"):
        KeyRing(path).all()


def test_the_last_key_is_not_thrown_away(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "master.keys")
    ring.prepare()
    with pytest.raises(Conflict):
        ring.forget([key.fingerprint for key in ring.all()])
    assert len(ring.all()) == 1
