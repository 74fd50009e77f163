"""A clock that never goes back."""

from datetime import timedelta

from flowforge.services.steady import SteadyClock
from flowforge.testing.clock import EPOCH, ManualClock


class Jumping(ManualClock):
    """Its wall clock can be moved alone."""

    off = timedelta()

    def now(self):  # type: ignore[no-untyped-def]
        return super().now() + self.off


def test_as_long_as_time_goes_on_it_is_the_wall_clock() -> None:
    wall = Jumping()
    clock = SteadyClock(wall)
    assert clock.now() == EPOCH
    wall.tick(5)
    assert (clock.now(), clock.monotonic()) == (wall.now(), wall.monotonic())
    wall.off = timedelta(hours=1)
    assert clock.now() == wall.now()


def test_after_a_jump_back_time_goes_on_from_the_latest_seen() -> None:
    wall = Jumping()
    clock = SteadyClock(wall)
    latest = clock.now()
    wall.off = timedelta(hours=-2)
    wall.tick(7)
    assert clock.now() == latest + timedelta(seconds=7)
    wall.tick(3)
    assert clock.now() == latest + timedelta(seconds=10)
