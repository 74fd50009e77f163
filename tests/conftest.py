"""What every test may rely on: nothing is left out silently, and under FLOWFORGE_TEST_STRICT=1 nothing is left out at all."""

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
