"""The test rig: a forge that keeps repositories and takes statuses, and the real server as a process of its own."""

from tests.rig.forge import FakeGitHub, PostedStatus, Push
from tests.rig.server import RealServer

__all__ = ["FakeGitHub", "PostedStatus", "Push", "RealServer"]
