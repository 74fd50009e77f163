"""The folders of rooms, made and removed side by side."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flowforge.adapters.executors import lodging
from flowforge.adapters.executors.site import Site
from flowforge.model.attempt import AttemptKey

ROUNDS = 400


def come_and_go(site: Site, job: int) -> None:
    key = AttemptKey(run=1, job=job, number=1)
    for _ in range(ROUNDS):
        lodging.make(site, key)
        assert site.workspace(key).is_dir()
        lodging.remove(site, key)


def test_jobs_of_one_run_come_and_go_in_each_others_way(tmp_path: Path) -> None:
    """The folder they share goes with the last of them, which is when another may be about to come."""
    site = Site(instance="test", folder=tmp_path / "rooms", workspaces=tmp_path / "workspaces")
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(come_and_go, [site, site], [1, 2]))
    assert list(site.workspaces.iterdir()) == []
