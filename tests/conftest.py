"""What every test may rely on: nothing is left out silently, and under FLOWFORGE_TEST_STRICT=1 nothing is left out at all."""

import tempfile
from pathlib import Path

import pytest

pytest_plugins = ["tests.needs", "tests.left_out"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="run the fault loops of tests/soak in their long form"
    )


@pytest.fixture(scope="session")
def long_form(pytestconfig: pytest.Config) -> bool:
    """Whether a fault loop runs for long (`make soak`) or in the short form of every test run."""
    return bool(pytestconfig.getoption("--long"))


@pytest.fixture(scope="session", autouse=True)
def _folders_that_other_users_may_pass(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Run as root, a job's steps get a user of their own; pytest's folders would keep it out."""
    shared = Path(tempfile.gettempdir()).resolve()
    base = tmp_path_factory.getbasetemp().resolve()
    for folder in (base, *base.parents):
        if not folder.is_relative_to(shared) or folder == shared:
            break
        folder.chmod(folder.stat().st_mode | 0o111)
