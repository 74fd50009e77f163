"""Credentials: each of its kind, once where once is meant."""

import pytest

from flowforge.errors import Unauthenticated
from flowforge.model.credential import CredentialKind, Permission, Role
from flowforge.services.access import Access
from tests.unit.services.world import World


def access_of(world: World) -> Access:
    return Access(world.store, world.clock)


async def test_a_link_becomes_a_session_once(world: World) -> None:
    access = access_of(world)
    link = await access.link("/ui/pipelines/1")
    session, target = await access.redeem(link)
    assert target == "/ui/pipelines/1"
    principal = await access.identify(session)
    assert (principal.kind, principal.role) == (CredentialKind.SESSION, Role.ADMIN)
    with pytest.raises(Unauthenticated):
        await access.redeem(link)


async def test_a_link_expires(world: World) -> None:
    access = access_of(world)
    link = await access.link("/")
    world.clock.tick(1801)
    with pytest.raises(Unauthenticated):
        await access.redeem(link)


async def test_a_link_is_no_session(world: World) -> None:
    access = access_of(world)
    with pytest.raises(Unauthenticated):
        await access.identify(await access.link("/"))


async def test_a_session_ends_with_its_time_or_its_sign_out(world: World) -> None:
    access = access_of(world)
    first, _ = await access.redeem(await access.link("/"))
    second, _ = await access.redeem(await access.link("/"))
    await access.sign_out(first)
    with pytest.raises(Unauthenticated):
        await access.identify(first)
    world.clock.tick(13 * 3600)
    with pytest.raises(Unauthenticated):
        await access.identify(second)


async def test_every_start_ends_the_local_token_of_the_one_before(world: World) -> None:
    access = access_of(world)
    old = await access.local_token()
    new = await access.local_token()
    assert (await access.identify(new)).kind is CredentialKind.LOCAL
    with pytest.raises(Unauthenticated):
        await access.identify(old)


@pytest.mark.parametrize("secret", ["", "ffl_", "ffs_nothing", "Bearer", "x" * 100_000])
async def test_a_secret_that_is_not_ours_is_refused(world: World, secret: str) -> None:
    with pytest.raises(Unauthenticated):
        await access_of(world).identify(secret)


async def test_no_secret_is_stored(world: World) -> None:
    secret = await access_of(world).local_token()
    found = await world.store.read(lambda tx: tx.credentials.find(secret, CredentialKind.LOCAL))
    assert found is None


def test_roles_grant_what_they_say() -> None:
    assert Role.VIEWER.may(Permission.READ)
    assert not Role.VIEWER.may(Permission.OPERATE)
    assert Role.DEVELOPER.may(Permission.OPERATE)
    assert not Role.DEVELOPER.may(Permission.MAINTAIN)
    assert Role.ADMIN.may(Permission.ADMINISTER)
