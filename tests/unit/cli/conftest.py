from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowforge.cli.main import run_command


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Flowforge = Callable[..., Result]


@pytest.fixture
def flowforge(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Flowforge:
    """One command line in an empty folder and home: its exit code and what it printed."""
    for name in (
        "FLOWFORGE_SERVER_URL",
        "popsicle_SERVER_URL",
        "FLOWFORGE_TOKEN",
        "FLOWFORGE_DATA",
        "FORCE_COLOR",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, environ: Mapping[str, str] | None = None) -> Result:
        for name, value in (environ or {}).items():
            monkeypatch.setenv(name, value)
        code = run_command(arguments)
        out, err = (stream.decode(errors="surrogateescape") for stream in capfdbinary.readouterr())
        return Result(code, out, err)

    return run
