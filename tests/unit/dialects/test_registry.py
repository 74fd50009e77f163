from flowforge.dialects.circleci import CIRCLECI
from flowforge.dialects.native import NATIVE
from flowforge.dialects.registry import CONFIG_PATHS, DIALECTS, LATER_PATHS, dialect_named, dialect_of


def test_own_path_is_looked_for_before_the_older_one() -> None:
    assert CONFIG_PATHS == (".flowforge/ci.yml", ".popsicle/ci.yml", ".circleci/config.yml")


def test_path_is_read_by_its_dialect_in_any_folder() -> None:
    for path in (*NATIVE.globs, "/srv/app/.flowforge/ci.yml", "./.popsicle/ci.yml"):
        assert dialect_of(path) is NATIVE
    for path in (*CIRCLECI.globs, "/srv/app/.circleci/config.yml"):
        assert dialect_of(path) is CIRCLECI


def test_path_that_nobody_claims_is_read_as_native() -> None:
    assert dialect_of("build.yml") is NATIVE
    assert dialect_of("") is NATIVE


def test_dialect_is_found_by_its_name() -> None:
    assert dialect_named("native") is NATIVE
    assert dialect_named("circleci") is CIRCLECI
    assert dialect_named("nativ") is None


def test_configs_that_cannot_be_read_yet_belong_to_no_dialect() -> None:
    assert not set(LATER_PATHS) & {glob for dialect in DIALECTS for glob in dialect.globs}
