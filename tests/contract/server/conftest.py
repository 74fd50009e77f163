"""The HTTP door over a server's insides in memory."""

import pytest

from tests.contract.server.asgi import Client
from tests.contract.server.world import World, new_world


@pytest.fixture
def world() -> World:
    return new_world()


@pytest.fixture
async def client(world: World) -> Client:
    return await world.local()
