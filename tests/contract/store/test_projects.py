from dataclasses import replace

import pytest

from flowforge.errors import Conflict, NotFound
from flowforge.ports import Store
from tests.contract.store.things import pipeline, project


async def test_a_project_comes_back_as_it_was_saved(store: Store) -> None:
    given = project(former_names=("octo/old", "octo/older"), default_branch="main", last_number=7)
    await store.write(lambda tx: tx.projects.save(given))
    assert await store.read(lambda tx: tx.projects.get(1)) == given
    assert await store.read(lambda tx: tx.projects.find(given.origin, "1")) == given
    assert await store.read(lambda tx: tx.projects.get(2)) is None
    assert await store.read(lambda tx: tx.projects.find(given.origin, "2")) is None


async def test_saving_again_replaces_all_but_the_last_number(store: Store) -> None:
    await store.write(lambda tx: tx.projects.save(project()))
    await store.write(lambda tx: tx.projects.take_numbers(1, 5))
    renamed = project(name="octo/new", former_names=("octo/repo-1",), last_number=99)
    await store.write(lambda tx: tx.projects.save(renamed))
    assert await store.read(lambda tx: tx.projects.get(1)) == replace(renamed, last_number=5)


async def test_present_names_are_found_before_former_ones(store: Store) -> None:
    moved = project(1, name="octo/new", former_names=("octo/app", "octo/app"))
    await store.write(lambda tx: tx.projects.save(moved))
    await store.write(lambda tx: tx.projects.save(project(2, name="octo/app")))
    found = await store.read(lambda tx: tx.projects.named("octo/app"))
    assert [p.id for p in found] == [2, 1]
    assert [p.id for p in await store.read(lambda tx: tx.projects.named("octo/new"))] == [1]


async def test_projects_are_found_by_their_clone_url_the_oldest_first(store: Store) -> None:
    url = "https://forge.example/octo/one.git"
    for given in (project(2, clone_url=url), project(1, clone_url=url), project(3)):
        await store.write(lambda tx: tx.projects.save(given))  # noqa: B023
    assert [p.id for p in await store.read(lambda tx: tx.projects.cloned_from(url))] == [1, 2]
    assert not await store.read(lambda tx: tx.projects.cloned_from(url + "/"))


async def test_a_name_no_longer_listed_is_forgotten(store: Store) -> None:
    await store.write(lambda tx: tx.projects.save(project(former_names=("octo/old",))))
    await store.write(lambda tx: tx.projects.save(project()))
    assert not await store.read(lambda tx: tx.projects.named("octo/old"))


async def test_two_projects_cannot_be_one_repository(store: Store) -> None:
    await store.write(lambda tx: tx.projects.save(project(1)))
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.projects.save(project(2, native_id="1")))


async def test_run_numbers_follow_one_another(store: Store) -> None:
    await store.write(lambda tx: tx.projects.save(project()))
    assert list(await store.write(lambda tx: tx.projects.take_numbers(1, 3))) == [1, 2, 3]
    assert list(await store.write(lambda tx: tx.projects.take_numbers(1))) == [4]


async def test_a_project_that_is_not_there_has_no_numbers(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.write(lambda tx: tx.projects.take_numbers(5))


async def test_projects_are_paged_by_the_last_id(store: Store) -> None:
    for n in range(1, 6):
        await store.write(lambda tx, n=n: tx.projects.save(project(n)))
    first = await store.read(lambda tx: tx.projects.newest(2))
    second = await store.read(lambda tx: tx.projects.newest(2, after=first[-1].id))
    assert [p.id for p in (*first, *second)] == [5, 4, 3, 2]


async def test_a_pipeline_is_found_by_project_provider_and_path(store: Store) -> None:
    given = pipeline()
    await store.write(lambda tx: tx.projects.save(project()))
    await store.write(lambda tx: tx.pipelines.save(given))
    assert await store.read(lambda tx: tx.pipelines.get(1)) == given
    assert await store.read(lambda tx: tx.pipelines.find(1, "local", given.path)) == given
    assert await store.read(lambda tx: tx.pipelines.find(1, "other", given.path)) is None
    await store.write(lambda tx: tx.pipelines.save(replace(given, name="new")))
    assert [p.name for p in await store.read(lambda tx: tx.pipelines.of(1))] == ["new"]


async def test_a_path_of_a_project_is_one_pipeline(store: Store) -> None:
    await store.write(lambda tx: tx.projects.save(project()))
    await store.write(lambda tx: tx.pipelines.save(pipeline(1)))
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.pipelines.save(pipeline(2, path=pipeline(1).path)))


async def test_a_pipeline_belongs_to_a_project(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.pipelines.save(pipeline()))
