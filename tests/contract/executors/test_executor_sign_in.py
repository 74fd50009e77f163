"""Images that are pulled by somebody in particular, from a registry that asks who."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from flowforge.errors import BadInput
from flowforge.model.secret_ref import SecretRef
from flowforge.model.service_spec import ServiceSpec
from flowforge.model.sign_in import SignIn
from tests.contract.executors.conftest import DOCKER
from tests.contract.executors.lodge import Lodge
from tests.rig.registry import Registry, empty_registry

KINDS = [DOCKER]
ROBOT = SignIn(username="robot", password=SecretRef(name="PASSWORD"))
ANN = SignIn(username=SecretRef(name="WHO"), password=SecretRef(name="HERS"))
SECRETS = {"PASSWORD": "correct-horse", "WHO": "ann", "HERS": "battery:staple", "OTHER": "of another job"}


@pytest.fixture
def registry() -> Iterator[Registry]:
    with empty_registry(asks=True) as found:
        yield found


async def refused(
    lodge: Lodge, sign_in: SignIn | None, *services: ServiceSpec, secrets: Mapping[str, str]
) -> str:
    order = replace(lodge.order("true"), sign_in=sign_in, services=services)
    with pytest.raises(BadInput) as caught:
        await lodge.run(order, secrets=secrets)
    assert not set(SECRETS.values()) & set(caught.value.message.split())
    return caught.value.message


async def test_each_image_is_asked_for_in_the_name_that_the_job_gives(
    lodge: Lodge, registry: Registry
) -> None:
    lodge.image = f"{registry.host}/tool"
    await refused(lodge, ROBOT, secrets=SECRETS)
    assert registry.seen["tool"] == {"robot:correct-horse"}
    service = ServiceSpec(names=("db",), image=f"{registry.host}/db", sign_in=ANN)
    await refused(lodge, ROBOT, service, secrets=SECRETS)
    assert registry.seen.get("db", set()) <= {"ann:battery:staple"}


async def test_a_service_is_asked_for_in_its_own_name(lodge: Lodge, registry: Registry) -> None:
    service = ServiceSpec(names=("db",), image=f"{registry.host}/db", sign_in=ANN)
    await refused(lodge, None, service, secrets=SECRETS)
    assert registry.seen["db"] == {"ann:battery:staple"}


async def test_an_image_without_a_sign_in_is_asked_for_by_nobody(lodge: Lodge, registry: Registry) -> None:
    lodge.image = f"{registry.host}/tool"
    assert "sign-in" not in await refused(lodge, None, secrets=SECRETS)
    assert registry.seen == {}


async def test_a_secret_that_was_not_given_is_named(lodge: Lodge, registry: Registry) -> None:
    lodge.image = f"{registry.host}/tool"
    message = await refused(lodge, ROBOT, secrets={})
    assert message.endswith("it was asked for without a sign-in, for no value was given for PASSWORD")
    assert registry.seen == {}
