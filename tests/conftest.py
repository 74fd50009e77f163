"""What every test may rely on: nothing is left out silently, and under FLOWFORGE_TEST_STRICT=1 nothing is left out at all."""

import random
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says something of the machine, and nothing of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

pytest_plugins = ["tests.needs", "tests.left_out", "tests.rig.fixtures"]

OWN_FOLDER = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="run the fault loops of tests/soak in their long form"
    )
    parser.addoption("--seed", type=int, help="of tests/soak, to see a failure again")


@pytest.fixture
def chance(pytestconfig: pytest.Config) -> random.Random:
    """Its seed is printed when a test fails."""
    seed = pytestconfig.getoption("--seed")
    if seed is None:
        seed = random.SystemRandom().randrange(1 << 32)
    print(f"--seed {seed}")
    return random.Random(seed)


@pytest.fixture(scope="session")
def long_form(pytestconfig: pytest.Config) -> bool:
    """Whether a fault loop runs for long (`make soak`) or in the short form of every test run."""
    return bool(pytestconfig.getoption("--long"))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Folders of a run's own: the usual ones lie below one that every other pytest of this user closes to other users,
    and a job's steps, run as root, get a user of their own."""
    if config.option.basetemp is None:
        config.option.basetemp = tempfile.mkdtemp(prefix="flowforge-tests-")
        config.stash[OWN_FOLDER] = Path(config.option.basetemp)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What failed can be looked at; what passed leaves nothing."""
    folder = session.config.stash.get(OWN_FOLDER, None)
    if folder is not None and exitstatus == pytest.ExitCode.OK:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _folders_that_other_users_may_pass(tmp_path_factory: pytest.TempPathFactory) -> None:
    shared = Path(tempfile.gettempdir()).resolve()
    base = tmp_path_factory.getbasetemp().resolve()
    for folder in (base, *base.parents):
        if not folder.is_relative_to(shared) or folder == shared:
            break
        folder.chmod(folder.stat().st_mode | 0o111)
